import Logging
import Reactor
import SQLite
import Telemetry
import Time

/// The consumers' positions and what was sent to their readers, kept over restarts in SQLite.
///
/// Confined to its loop; the database has a thread of its own. `load`, `begin` and the questions to the delivery log
/// (StateStore+Log) wait for it. `note` never does: what it takes is committed in order and in groups, at most
/// `groupDelay` later, and tried again while the database cannot be written. Reading and delivering go on meanwhile, and
/// `health` says so.
package final class StateStore: @unchecked Sendable {
    /// How long changes gather before they are committed together. Design section 9: at most 20 ms.
    package static let groupDelay: Duration = .milliseconds(10)
    /// The pause before a commit, or the opening, that failed is tried again.
    package static let retryDelay: Duration = .seconds(1)

    private let file: StateFile
    private let loop: EventLoop
    private let logger: Logger
    private let changed: Gate
    private let logLimits: DeliveryLogLimits
    private var queue: ChangeQueue
    /// Changes of the delivery log since it was pruned last.
    private var unprunedChanges = 0
    /// What is stored may be wrong: that stays so until somebody has mended the file and started the sidecar again.
    private var isDamaged = false
    private var isWriting = false
    private var isClosed = false
    /// What is being committed; nil: nothing is.
    private var committing: [ChangeQueue.Entry]?
    /// Commits that are over, failed ones too.
    private var finishedCommits = 0

    /// Checkpoints that were committed. Of those of one shard that wait together only the newest is, and counts.
    package private(set) var committedCheckpoints = 0
    /// How long a commit of what had gathered took, on the database's thread and behind what waited there before it; those
    /// that failed count too.
    package private(set) var commitDurations = Histogram(.latency)
    /// Whether what the consumers report can be kept.
    package private(set) var health = StateHealth.writable {
        didSet { if (oldValue == .writable) != (health == .writable) { onHealthChange?() } }
    }
    /// Called when what is reported cannot be kept any more, or can again.
    package var onHealthChange: (() -> Void)?

    /// Opens the store, or makes it. Where the file cannot be opened or is damaged `health` says so, and it is tried
    /// again.
    /// - Parameters:
    ///   - path: the database file, whose folder exists; nil keeps everything in memory.
    ///   - isAlone: nothing else keeps checkpoints, so that a file of a newer program is refused. Else `health` says what
    ///     it is.
    package static func open(
        path: String?, isAlone: Bool = true, loop: EventLoop, logger: Logger,
        logLimits: DeliveryLogLimits = DeliveryLogLimits()
    ) async throws(StateError) -> StateStore {
        let file = StateFile(path.map(DatabaseLocation.file) ?? .memory, loop: loop)
        let store = StateStore(file, loop: loop, logger: logger, logLimits)
        do throws(SQLiteError) {
            store.opened(try await file.open())
        } catch {
            if case .newerSchema = error, isAlone { throw .database(reason: error.description) }
            store.failed(error)
            loop.spawn { await store.keepOpening() }
        }
        return store
    }

    private init(_ file: StateFile, loop: EventLoop, logger: Logger, _ logLimits: DeliveryLogLimits) {
        self.file = file
        self.loop = loop
        self.logger = logger
        self.logLimits = logLimits
        queue = ChangeQueue(mostOfLog: logLimits.waitingEntries)
        changed = Gate(loop: loop)
    }

    private func opened(_ database: Database) {
        guard case .rollback(let mode) = database.journal else { return }
        logger.warning(
            "the file system of the data folder refuses SQLite's write-ahead log: each commit waits for the disk instead",
            metadata: ["journalMode": "\(mode)"])
    }

    private func keepOpening() async {
        while !file.isOpen, !isClosed {
            try? await loop.sleep(for: Self.retryDelay)
            do throws(SQLiteError) {
                opened(try await file.open())
                // Another file, which somebody has put in the damaged one's place.
                isDamaged = false
                recovered()
            } catch {
                failed(error)
            }
        }
    }

    // MARK: Reading and beginning

    /// What is kept of a consumer; nil when nothing is. Sees what was noted before.
    package func load(_ key: ConsumerKey) async throws(StateError) -> ConsumerState? {
        try await ask { connection throws(SQLiteError) in try StateTables.load(key, on: connection) }
    }

    /// Puts a consumer's positions in place of whatever there is of them, and returns when that is committed. The
    /// delivery log stays, unless it is of another incarnation of the stream.
    package func begin(_ key: ConsumerKey, _ state: ConsumerState) async throws(StateError) {
        queue.drop(before: ConsumerIncarnation(key, streamCreatedOn: state.streamCreatedOn))
        do throws(SQLiteError) {
            try await file.write { connection throws(SQLiteError) in
                try StateTables.replace(key, state, on: connection)
            }
            recovered()
        } catch {
            failed(error)
            throw .database(reason: error.description)
        }
    }

    /// Deletes everything that is kept of a consumer, and returns when that is committed. Returns whether there was
    /// anything.
    package func forget(_ key: ConsumerKey) async throws(StateError) -> Bool {
        loop.preconditionOnLoop()
        queue.drop(key)
        do throws(SQLiteError) {
            let wasKnown = try await file.write { connection throws(SQLiteError) in
                try GroupTables.delete(key, on: connection)
            }
            recovered()
            return wasKnown
        } catch {
            failed(error)
            throw .database(reason: error.description)
        }
    }

    // MARK: Noting

    /// Takes a change, which is committed soon; never waits and never fails. What waits is bounded by the number of
    /// shards. A change of another incarnation of the stream than the stored one is dropped.
    package func note(_ change: StateChange, of consumer: ConsumerIncarnation) {
        loop.preconditionOnLoop()
        queue.append(change, of: consumer)
        startWriting()
    }

    /// Asks the database. Sees what was noted before, as far as that can be committed; where it cannot it throws, if the
    /// answer `mustBeWhole`.
    func ask<T: Sendable>(
        writes: Bool = false, mustBeWhole: Bool = false,
        _ question: @escaping @Sendable (Connection) throws(SQLiteError) -> Result<T, StateError>
    ) async throws(StateError) -> T {
        if mustBeWhole { try await commitNoted() } else { await commitIfPossible() }
        let answer: Result<T, StateError>
        do throws(SQLiteError) {
            answer = try await writes ? file.write(question) : file.read(question)
        } catch {
            if error.isDamaged { failed(error) }
            throw .database(reason: error.description)
        }
        do throws(StateError) {
            return try answer.get()
        } catch {
            if case .unreadable = error { failed(error.description, isDamage: true) }
            throw error
        }
    }

    /// What was noted and is not stored, in the order in which it became true: what is being committed, and what waits.
    var unstored: some Sequence<ChangeQueue.Entry> { [committing ?? [], queue.entries].joined() }

    /// Returns once everything that was noted before is committed; throws when that failed, and goes on trying.
    package func commitNoted() async throws(StateError) {
        await flush()
        if case .failed(let reason, _) = health { throw .database(reason: reason) }
    }

    /// Returns once everything that was noted before is committed, or could not be; at once while nothing can be.
    package func commitIfPossible() async {
        if health == .writable { await flush() }
    }

    /// Returns once everything that was noted before is committed, or could not be at the first attempt.
    package func flush() async {
        guard !queue.isEmpty || isWriting else { return }
        startWriting()
        // What waits now leaves with the next commit; the one that runs may have left without it.
        let awaited = finishedCommits + (committing != nil && !queue.isEmpty ? 2 : 1)
        try? await changed.wait(while: { isWriting && finishedCommits < awaited })
    }

    /// Commits what was noted, once more if it failed before, and closes the database.
    package func close() async {
        isClosed = true
        await commit()
        await file.close()
    }
}

// MARK: Writing

extension StateStore {
    private func startWriting() {
        guard !isWriting, !isClosed else { return }
        isWriting = true
        loop.spawn { await self.write() }
    }

    /// Commits group after group until nothing waits, and after a failure until one succeeds: also where nothing waits, so
    /// that whoever asks `health` before there is something to commit hears when it is possible again.
    private func write() async {
        while !queue.isEmpty || mayRecover, !isClosed {
            let pause = health == .writable ? Self.groupDelay : Self.retryDelay
            try? await loop.sleep(for: pause)
            await commit()
            changed.open()
        }
        isWriting = false
        changed.open()
    }

    /// Whether a commit may show that the file can be written again. One that cannot be opened is `keepOpening`'s.
    private var mayRecover: Bool { health != .writable && !isDamaged && file.isOpen }

    private func commit() async {
        let entries = queue.takeAll()
        guard !entries.isEmpty || mayRecover else { return }
        committing = entries
        let started = loop.now
        defer {
            finishedCommits += 1
            commitDurations.record(loop.now - started)
        }
        let pruning = pruningDue(entries)
        let inUse = Set(entries.filter(\.change.isUse).map(\.consumer.key))
        do throws(SQLiteError) {
            try await file.write { [logLimits] connection throws(SQLiteError) in
                if entries.isEmpty { try StateTables.probe(connection) }
                for entry in entries { try StateTables.apply(entry, on: connection) }
                try GroupTables.used(inUse, on: .now(), on: connection)
                for key in pruning {
                    guard let id = try StateTables.consumer(key, on: connection)?.id else { continue }
                    try DeliveryTables.prune(id, logLimits, now: .now(), on: connection)
                }
            }
            committing = nil
            committedCheckpoints += entries.count { if case .checkpoint = $0.change { true } else { false } }
            recovered()
        } catch {
            committing = nil
            queue.putBack(entries)
            failed(error)
        }
    }

    /// The consumers whose log is to be pruned with these changes: none most of the time.
    private func pruningDue(_ entries: [ChangeQueue.Entry]) -> Set<ConsumerKey> {
        let ofLog = entries.filter(\.change.isOfLog)
        unprunedChanges += ofLog.count
        guard unprunedChanges >= logLimits.changesBetweenPrunings else { return [] }
        unprunedChanges = 0
        return Set(ofLog.map(\.consumer.key))
    }

    private func failed(_ error: SQLiteError) {
        failed(error.description, isDamage: error.isDamaged)
    }

    private func failed(_ what: String, isDamage: Bool) {
        let reason = isDamage ? "\(what); \(Self.remedy)" : what
        if isDamage { isDamaged = true }
        if case .writable = health {
            logger.error("positions cannot be stored; reading goes on", metadata: ["error": "\(reason)"])
            health = .failed(reason: reason, since: .now())
        } else if case .failed(_, let since) = health {
            health = .failed(reason: reason, since: since)
        }
        startWriting()
    }

    private static let remedy =
        "the file is damaged: stop the sidecar, put a good copy in its place or move it away, and start again; without it "
        + "consumers begin at initialPositionInStream, and groups that are shared over DynamoDB go on where their items say"

    private func recovered() {
        guard case .failed(_, let since) = health, !isDamaged else { return }
        health = .writable
        logger.notice("positions are stored again", metadata: ["failingSince": "\(since.iso8601)"])
    }
}

/// Whether state can be written; `/readyz` shows it.
package enum StateHealth: Hashable, Sendable {
    case writable
    /// Nothing has been committed since; the reason is the last failure's.
    case failed(reason: String, since: WallTime)
}
