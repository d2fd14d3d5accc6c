import Glibc

/// One database on a thread of its own; what waits for it is committed in groups.
///
/// The thread takes all jobs that wait, runs them in the order in which they came inside one transaction, commits, and
/// only then answers: while one commit runs the next group gathers, so that a busy database commits seldom and a quiet
/// one at once. A job that fails is rolled back alone (a savepoint) and the others of its group stand; a commit that
/// fails fails every job of its group, and nothing of them is stored. Any thread may ask.
package final class Database: Sendable {
    package let journal: Journal
    private let thread: DatabaseThread

    private init(_ thread: DatabaseThread, _ journal: Journal) {
        self.thread = thread
        self.journal = journal
    }

    deinit {
        thread.close()
    }

    /// Opens the database and brings its schema to the newest migration.
    package static func open(_ location: DatabaseLocation, migrations: [Migration]) async throws(SQLiteError)
        -> Database
    {
        let thread = DatabaseThread()
        let opened: Result<Journal, SQLiteError> = await withUnsafeContinuation { continuation in
            thread.start(location, migrations: migrations) { continuation.resume(returning: $0) }
        }
        return Database(thread, try opened.get())
    }

    /// Reads; sees all that was asked for before.
    package func read<T: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(SQLiteError) -> T
    ) async throws(SQLiteError) -> T {
        try await perform(writes: false, body)
    }

    /// Writes, and returns once that is committed.
    package func write<T: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(SQLiteError) -> T
    ) async throws(SQLiteError) -> T {
        try await perform(writes: true, body)
    }

    /// Closes the database after the jobs that wait; later ones throw `.closed`.
    package func close() async {
        await withUnsafeContinuation { continuation in thread.close { continuation.resume() } }
    }

    private func perform<T: Sendable>(
        writes: Bool, _ body: @escaping @Sendable (Connection) throws(SQLiteError) -> T
    ) async throws(SQLiteError) -> T {
        let result: Result<T, SQLiteError> = await withUnsafeContinuation { continuation in
            thread.enqueue(TypedJob(writes: writes, body: body) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }
}

/// Work that waits for the database's thread. Handed from the asking thread to the database's, used by one at a time.
protocol DatabaseJob: AnyObject {
    var writes: Bool { get }
    /// Runs the work and keeps its result; throws where the work failed.
    func run(_ connection: Connection) throws(SQLiteError)
    /// Answers with the kept result, or with `failure`.
    func finish(_ failure: SQLiteError?)
}

private final class TypedJob<T: Sendable>: DatabaseJob {
    let writes: Bool
    private let body: @Sendable (Connection) throws(SQLiteError) -> T
    private let answer: @Sendable (Result<T, SQLiteError>) -> Void
    /// Nil until the work has run.
    private var result: Result<T, SQLiteError>?

    init(
        writes: Bool, body: @escaping @Sendable (Connection) throws(SQLiteError) -> T,
        answer: @escaping @Sendable (Result<T, SQLiteError>) -> Void
    ) {
        self.writes = writes
        self.body = body
        self.answer = answer
    }

    func run(_ connection: Connection) throws(SQLiteError) {
        do throws(SQLiteError) {
            result = .success(try body(connection))
        } catch {
            result = .failure(error)
            throw error
        }
    }

    func finish(_ failure: SQLiteError?) {
        // A job's own failure says more than that of the group it was in.
        if case .failure(let own) = result { return answer(.failure(own)) }
        if let failure { return answer(.failure(failure)) }
        answer(result ?? .failure(.closed))
    }
}
