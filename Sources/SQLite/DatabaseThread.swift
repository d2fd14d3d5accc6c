import Glibc

/// The thread of one database: a queue under a lock, a condition, and the connection, which only this thread touches.
final class DatabaseThread: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var queue: [any DatabaseJob] = []
    private var closing = false
    private var closed = false
    private var onClosed: [@Sendable () -> Void] = []

    init() {
        lock = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    // MARK: From any thread

    /// Starts the thread, which opens the connection and says how that went; after a failure the thread ends.
    func start(
        _ location: DatabaseLocation, migrations: [Migration],
        _ opened: @escaping @Sendable (Result<Journal, SQLiteError>) -> Void
    ) {
        let body = Unmanaged.passRetained(
            ThreadBody {
                do throws(SQLiteError) {
                    let connection = try Connection(location, migrations: migrations)
                    opened(.success(connection.journal))
                    self.serve(connection)
                } catch {
                    self.end()
                    opened(.failure(error))
                }
            })
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { context in
                Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            let message = String(cString: strerror(code))
            return opened(.failure(.failed(attempt: "pthread_create", code: code, message: message)))
        }
        pthread_detach(handle)
    }

    func enqueue(_ job: sending any DatabaseJob) {
        pthread_mutex_lock(lock)
        let refused = closing
        if !refused { queue.append(job) }
        pthread_cond_signal(changed)
        pthread_mutex_unlock(lock)
        if refused { job.finish(.closed) }
    }

    func close(_ done: @escaping @Sendable () -> Void = {}) {
        pthread_mutex_lock(lock)
        closing = true
        let already = closed
        if !already { onClosed.append(done) }
        pthread_cond_signal(changed)
        pthread_mutex_unlock(lock)
        if already { done() }
    }

    // MARK: On the thread

    private func serve(_ connection: consuming Connection) {
        while let jobs = nextJobs() {
            Self.run(jobs, on: connection)
        }
        // The connection is let go here, before anybody hears that the file is closed.
        _ = consume connection
        end()
    }

    /// Waits for jobs; nil when the database is closing and nothing waits any more.
    private func nextJobs() -> [any DatabaseJob]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while queue.isEmpty && !closing { pthread_cond_wait(changed, lock) }
        guard !queue.isEmpty else { return nil }
        defer { queue = [] }
        return queue
    }

    private func end() {
        pthread_mutex_lock(lock)
        closing = true
        closed = true
        let waiting = onClosed
        let unserved = queue
        onClosed = []
        queue = []
        pthread_mutex_unlock(lock)
        for job in unserved { job.finish(.closed) }
        for done in waiting { done() }
    }

    private static func run(_ jobs: [any DatabaseJob], on connection: Connection) {
        guard jobs.contains(where: \.writes) else {
            for job in jobs {
                try? job.run(connection)  // The job keeps its failure and answers with it.
                job.finish(nil)
            }
            return
        }
        do throws(SQLiteError) {
            try connection.checkPlace()
            try connection.execute("BEGIN IMMEDIATE")
            for job in jobs { try runInSavepoint(job, on: connection) }
            try connection.execute("COMMIT")
            for job in jobs { job.finish(nil) }
        } catch {
            connection.rollBack()
            for job in jobs { job.finish(error) }
        }
    }

    /// Throws only where the whole transaction is lost.
    private static func runInSavepoint(_ job: any DatabaseJob, on connection: Connection) throws(SQLiteError) {
        guard job.writes else {
            try? job.run(connection)
            return
        }
        try connection.execute("SAVEPOINT job")
        do throws(SQLiteError) {
            try job.run(connection)
        } catch {
            // A full disk ends the transaction by itself; then nothing of this group can be kept.
            guard connection.isInTransaction else { throw error }
            try connection.execute("ROLLBACK TO job")
        }
        try connection.execute("RELEASE job")
    }
}

/// What a pthread is started with.
private final class ThreadBody {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}
