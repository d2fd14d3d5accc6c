import Reactor
import SQLite

/// The state's database, opened as soon as that is possible: on a full disk or a damaged file the sidecar goes on without
/// it, and tries again. Confined to its loop.
final class StateFile: @unchecked Sendable {
    private let location: DatabaseLocation
    private let loop: EventLoop
    private let opened: Gate
    private var database: Database?
    private var isOpening = false
    private var isClosed = false

    init(_ location: DatabaseLocation, loop: EventLoop) {
        self.location = location
        self.loop = loop
        opened = Gate(loop: loop)
    }

    var isOpen: Bool { database != nil }

    func read<T: Sendable>(_ body: @escaping @Sendable (Connection) throws(SQLiteError) -> T)
        async throws(SQLiteError) -> T
    {
        let database = try await open()
        loop.outsideWorkBegan()
        defer { loop.outsideWorkEnded() }
        return try await database.read(body)
    }

    /// Returns once what was written is committed.
    func write<T: Sendable>(_ body: @escaping @Sendable (Connection) throws(SQLiteError) -> T)
        async throws(SQLiteError) -> T
    {
        let database = try await open()
        loop.outsideWorkBegan()
        defer { loop.outsideWorkEnded() }
        return try await database.write(body)
    }

    func open() async throws(SQLiteError) -> Database {
        if let database { return database }
        do { try await opened.wait(while: { isOpening }) } catch { throw .closed }
        if let database { return database }
        if isClosed { throw .closed }
        isOpening = true
        loop.outsideWorkBegan()
        defer {
            loop.outsideWorkEnded()
            isOpening = false
            opened.open()
        }
        let database = try await Database.open(location, migrations: StateSchema.migrations)
        self.database = database
        return database
    }

    func close() async {
        isClosed = true
        await database?.close()
    }
}
