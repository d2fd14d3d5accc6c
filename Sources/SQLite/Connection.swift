import CSQLite
import Glibc

/// Where a database lives.
package enum DatabaseLocation: Equatable, Sendable {
    case memory
    /// A file, made with mode 0600 where there is none; its folder must exist.
    case file(String)
}

/// One step of a schema's history: the version that the database has after `sql` has run.
package struct Migration: Sendable {
    package var version: Int
    package var sql: String

    package init(version: Int, sql: String) {
        self.version = version
        self.sql = sql
    }
}

/// How a database keeps a transaction apart until it is committed.
package enum Journal: Equatable, Sendable {
    /// A database in memory has no file to protect.
    case memory
    /// A commit is one write to the log.
    case writeAheadLog
    /// The write-ahead log was refused, as where a file system, one of a network for instance, has no shared memory. The
    /// old pages are kept in a file beside the database (`mode` is SQLite's word for how it ends), and each commit waits
    /// for the disk: safe, and slower.
    case rollback(mode: String)
}

/// An open connection, on which the work of one job is done. Confined to its database's thread.
package final class Connection {
    let journal: Journal
    private let handle: OpaquePointer
    private var statements: [String: Statement] = [:]

    /// How long a call waits for another process that holds the file's lock, in milliseconds.
    private static let busyTimeout: Int32 = 5000

    /// - Parameter vfs: SQLite's name of the way to the file system; nil is the usual one.
    init(_ location: DatabaseLocation, migrations: [Migration], vfs: String? = nil) throws(SQLiteError) {
        let path = try Self.prepareFile(location)
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, vfs)
        guard code == SQLITE_OK, let opened else {
            let error = SQLiteError(code, "open \(path)", opened)
            sqlite3_close(opened)
            throw error
        }
        handle = opened
        sqlite3_busy_timeout(handle, Self.busyTimeout)
        do throws(SQLiteError) {
            journal = try Self.chooseJournal(opened)
        } catch {
            sqlite3_close_v2(opened)
            throw error
        }
        // NORMAL under WAL: a commit survives the death of the process without an fsync; a power cut can take the last
        // ones back, never tear them. With a rollback journal it could tear them.
        // Source: https://www.sqlite.org/pragma.html#pragma_synchronous
        if case .rollback = journal {
            try execute("PRAGMA synchronous = FULL")
        } else {
            try execute("PRAGMA synchronous = NORMAL")
        }
        // SQLite holds a schema to its REFERENCES only where a connection asks for it.
        try execute("PRAGMA foreign_keys = ON")
        try migrate(migrations)
    }

    /// SQLite answers with the mode that is in force, and a refusal is no error.
    /// Source: https://www.sqlite.org/pragma.html#pragma_journal_mode
    private static func chooseJournal(_ handle: OpaquePointer) throws(SQLiteError) -> Journal {
        var mode = ""
        try Statement("PRAGMA journal_mode = WAL", on: handle).run([]) { row throws(SQLiteError) in
            mode = row.text(0)
            return true
        }
        switch mode {
        case "wal": return .writeAheadLog
        case "memory": return .memory
        default: return .rollback(mode: mode)
        }
    }

    deinit {
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// SQLite makes its files with the process's umask, and the -wal and -shm files with the mode of the database's.
    private static func prepareFile(_ location: DatabaseLocation) throws(SQLiteError) -> String {
        guard case .file(let path) = location else { return ":memory:" }
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw .failed(attempt: "open \(path)", code: SQLITE_CANTOPEN, message: String(cString: strerror(errno)))
        }
        Glibc.close(file)
        return path
    }

    private func migrate(_ migrations: [Migration]) throws(SQLiteError) {
        var current = 0
        try query("PRAGMA user_version") { row in current = row.int(0) }
        let known = migrations.last?.version ?? 0
        guard current <= known else { throw .newerSchema(found: current, known: known) }
        for migration in migrations where migration.version > current {
            try execute("BEGIN IMMEDIATE")
            do throws(SQLiteError) {
                try execute(migration.sql)
                try execute("PRAGMA user_version = \(migration.version)")
                try execute("COMMIT")
            } catch {
                rollBack()
                throw error
            }
        }
    }

    // MARK: For jobs

    /// Runs a statement that gives no rows; it is prepared once and kept. Values go to ?1, ?2, ….
    package func run(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) {
        try statement(sql).run(values) { _ throws(SQLiteError) in true }
    }

    /// Runs a statement and calls `row` for each of its rows.
    package func query(
        _ sql: String, _ values: SQLiteValue..., row: (SQLiteRow) throws(SQLiteError) -> Void
    ) throws(SQLiteError) {
        try statement(sql).run(values) { found throws(SQLiteError) in
            try row(found)
            return true
        }
    }

    /// The same, until `row` says that it has enough (false).
    package func scan(
        _ sql: String, _ values: SQLiteValue..., while row: (SQLiteRow) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) {
        try statement(sql).run(values, row)
    }

    /// Rows that the last INSERT, UPDATE or DELETE touched.
    package var changes: Int { Int(sqlite3_changes(handle)) }
    package var lastInsertedRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    private func statement(_ sql: String) throws(SQLiteError) -> Statement {
        if let kept = statements[sql] { return kept }
        let made = try Statement(sql, on: handle)
        statements[sql] = made
        return made
    }

    // MARK: For the database's thread

    /// Throws where the file is no longer at its path: what is written to it would be gone with the process.
    func checkPlace() throws(SQLiteError) {
        var hasMoved: Int32 = 0
        sqlite3_file_control(handle, nil, SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        guard hasMoved != 0 else { return }
        let path = sqlite3_db_filename(handle, "main").map { String(cString: $0) } ?? ""
        throw .failed(attempt: "write \(path)", code: SQLITE_READONLY, message: "the file was moved or removed")
    }

    /// Runs several statements without parameters, once.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, sql, handle) }
    }

    /// Whether a transaction is open. Some failures (disk full, no memory) end it by themselves.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func rollBack() {
        if isInTransaction { try? execute("ROLLBACK") }
    }
}
