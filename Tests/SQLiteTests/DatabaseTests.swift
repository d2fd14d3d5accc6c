import Glibc
import TestSupport
import Testing

@testable import SQLite

extension TemporaryFolder {
    fileprivate var database: DatabaseLocation { .file(path + "/db") }
}

private let schema = [Migration(version: 1, sql: "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT")]

private func count(_ database: Database) async throws(SQLiteError) -> Int {
    try await database.read { connection throws(SQLiteError) in
        var count = 0
        try connection.query("SELECT count(*) FROM t") { count = $0.int(0) }
        return count
    }
}

private func insert(_ key: Int, into database: Database) async throws(SQLiteError) {
    try await database.write { connection throws(SQLiteError) in
        try connection.run("INSERT INTO t VALUES (?1, ?2)", .integer(key), .bytes([1, 2, 3]))
    }
}

@Suite(.timeLimit(.minutes(4))) struct DatabaseTests {
    @Test func `what was committed is there after the file is opened again, with mode 0600`() async throws {
        let folder = TemporaryFolder()
        let first = try await Database.open(folder.database, migrations: schema)
        try await insert(1, into: first)
        await first.close()
        let second = try await Database.open(folder.database, migrations: schema)
        #expect(try await count(second) == 1)
        var information = stat()
        stat(folder.path + "/db", &information)
        #expect(information.st_mode & 0o777 == 0o600)
        await second.close()
    }

    @Test func `the write-ahead log is used, and what does without it is told`() async throws {
        let folder = TemporaryFolder()
        let file = try await Database.open(folder.database, migrations: schema)
        #expect(file.journal == .writeAheadLog)
        await file.close()
        let memory = try await Database.open(.memory, migrations: schema)
        #expect(memory.journal == .memory)
        await memory.close()
    }

    @Test func `where the write-ahead log is refused each commit waits for the disk`() throws {
        // This way to the file system has no shared memory, as some file systems of a network have none.
        let folder = TemporaryFolder()
        let connection = try Connection(folder.database, migrations: schema, vfs: "unix-dotfile")
        #expect(connection.journal == .rollback(mode: "delete"))
        var synchronous = -1
        try connection.query("PRAGMA synchronous") { synchronous = $0.int(0) }
        #expect(synchronous == 2, "FULL")
        let usual = try Connection(.memory, migrations: [])
        try usual.query("PRAGMA synchronous") { synchronous = $0.int(0) }
        #expect(synchronous == 1, "NORMAL")
    }

    @Test func `what a row refers to must be there`() async throws {
        let tables =
            "CREATE TABLE parents (k INTEGER PRIMARY KEY);"
            + "CREATE TABLE children (parent INTEGER NOT NULL REFERENCES parents (k));"
        let database = try await Database.open(.memory, migrations: [Migration(version: 1, sql: tables)])
        await #expect(throws: SQLiteError.self) {
            try await database.write { connection throws(SQLiteError) in
                try connection.run("INSERT INTO children VALUES (7)")
            }
        }
        await database.close()
    }

    @Test func `a job that fails is rolled back alone`() async throws {
        let database = try await Database.open(.memory, migrations: schema)
        try await insert(1, into: database)
        let results = await withTaskGroup(of: Bool.self) { group in
            for key in [2, 1, 3] {
                group.addTask {
                    do throws(SQLiteError) {
                        try await insert(key + 10, into: database)
                        try await insert(key, into: database)
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(results == 2)
        #expect(try await count(database) == 1 + 3 + 2)
        do throws(SQLiteError) {
            try await database.write { connection throws(SQLiteError) in
                try connection.run("INSERT INTO t VALUES (50, x'00')")
                try connection.run("INSERT INTO t VALUES (50, x'00')")
            }
            Issue.record("a second row with one key")
        } catch {
            #expect(error.primaryCode == 19)
        }
        #expect(try await count(database) == 6)
        await database.close()
    }

    @Test func `many writers at once all get through`() async throws {
        let database = try await Database.open(.memory, migrations: schema)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for key in 0..<500 { group.addTask { try await insert(key, into: database) } }
            try await group.waitForAll()
        }
        #expect(try await count(database) == 500)
        await database.close()
    }

    @Test func `a closed database says so and keeps what was asked for before`() async throws {
        let database = try await Database.open(.memory, migrations: schema)
        await database.close()
        await #expect(throws: SQLiteError.closed) { try await insert(1, into: database) }
        await database.close()
    }

    @Test func `nothing is stored in a file that was removed`() async throws {
        let folder = TemporaryFolder()
        let database = try await Database.open(folder.database, migrations: schema)
        try await insert(1, into: database)
        unlink(folder.path + "/db")
        do throws(SQLiteError) {
            try await insert(2, into: database)
            Issue.record("stored")
        } catch {
            #expect(error.isReadOnly && error.description.contains("moved or removed"), "\(error)")
        }
        #expect(try await count(database) == 1)
        await database.close()
    }

    @Test func `a job that could not begin says why`() async throws {
        let database = try await Database.open(.memory, migrations: schema)
        try await database.read { connection throws(SQLiteError) in try connection.query("BEGIN") { _ in } }
        do throws(SQLiteError) {
            try await insert(1, into: database)
            Issue.record("stored inside of a transaction of somebody else")
        } catch {
            #expect(error != .closed && error.description.hasPrefix("BEGIN IMMEDIATE"), "\(error)")
        }
        try await insert(1, into: database)
        await database.close()
    }

    @Test func `migrations run once, in order, and a newer schema is refused`() async throws {
        let folder = TemporaryFolder()
        let second = schema + [Migration(version: 2, sql: "ALTER TABLE t ADD COLUMN w TEXT; CREATE INDEX i ON t (w)")]
        await (try await Database.open(folder.database, migrations: schema)).close()
        let database = try await Database.open(folder.database, migrations: second)
        try await database.write { connection throws(SQLiteError) in
            try connection.run("INSERT INTO t VALUES (1, ?1, ?2)", .bytes([]), "w")
        }
        await database.close()
        await (try await Database.open(folder.database, migrations: second)).close()
        await #expect(throws: SQLiteError.newerSchema(found: 2, known: 1)) {
            _ = try await Database.open(folder.database, migrations: schema)
        }
    }

    @Test func `a migration that fails leaves the version as it was`() async throws {
        let folder = TemporaryFolder()
        let broken = schema + [Migration(version: 2, sql: "CREATE TABLE u (a); CREATE TABLE t (a)")]
        await (try await Database.open(folder.database, migrations: schema)).close()
        await #expect(throws: SQLiteError.self) { _ = try await Database.open(folder.database, migrations: broken) }
        let database = try await Database.open(folder.database, migrations: schema)
        #expect(try await count(database) == 0)
        await database.close()
    }

    @Test func `a file that is no database and a folder that is missing are errors that say so`() async throws {
        let folder = TemporaryFolder()
        let file = try #require(fopen(folder.path + "/db", "w"))
        fputs(String(repeating: "not a database ", count: 100), file)
        fclose(file)
        do throws(SQLiteError) {
            _ = try await Database.open(folder.database, migrations: schema)
            Issue.record("opened")
        } catch {
            #expect(error.isDamaged, "\(error)")
        }
        do throws(SQLiteError) {
            _ = try await Database.open(.file(folder.path + "/none/db"), migrations: schema)
            Issue.record("opened")
        } catch {
            #expect(error.isReadOnly, "\(error)")
        }
    }

    @Test func `empty texts and blobs are not NULL`() async throws {
        let database = try await Database.open(.memory, migrations: schema)
        let kinds = try await database.read { connection throws(SQLiteError) in
            var kinds: [String] = []
            let span = UnsafeRawBufferPointer(start: nil, count: 0)
            try connection.query(
                "SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4)", .text(""), .bytes([]), .span(span), nil
            ) { row in kinds = (0..<4).map(row.text) }
            return kinds
        }
        #expect(kinds == ["text", "blob", "blob", "null"])
        await database.close()
    }

    @Test func `a full disk fails the group and nothing of it is kept`() async throws {
        let folder = TemporaryFolder()
        let database = try await Database.open(folder.database, migrations: schema)
        try await insert(1, into: database)
        try await database.read { connection throws(SQLiteError) in
            try connection.query("PRAGMA max_page_count = 4") { _ in }
        }
        do throws(SQLiteError) {
            try await database.write { connection throws(SQLiteError) in
                try connection.run("INSERT INTO t VALUES (2, zeroblob(100000))")
            }
            Issue.record("stored")
        } catch {
            #expect(error.isDiskFull, "\(error)")
        }
        #expect(try await count(database) == 1)
        try await insert(3, into: database)
        #expect(try await count(database) == 2)
        await database.close()
    }
}
