import Kinesis
import SQLite
import Time

/// Questions to the delivery log. Each sees what was noted before. Where that cannot be committed, those throw that would
/// have more come again by it; what is acknowledged is told from what waits beside what is stored.
extension StateStore {
    /// Readers of this consumer that are lost and not settled, with what they may not have read. Those count too that
    /// were connected when their process died: to be asked before the first reader of this process is noted.
    package func lostReaders(of key: ConsumerKey) async throws(StateError) -> [LostReader] {
        try await askOf(key, writes: true, otherwise: []) { consumer, connection throws(SQLiteError) in
            try DeliveryTables.lostReaders(of: consumer, now: .now(), on: connection)
        }
    }

    /// The reader and those that came back naming an event of it, or of one of those; empty when the log does not know it.
    package func line(from reader: ReaderID, of key: ConsumerKey) async throws(StateError) -> [ReaderID] {
        try await askOf(key, otherwise: []) { consumer, connection throws(SQLiteError) in
            .success(try DeliveryTables.line(from: reader, of: consumer, on: connection))
        }
    }

    /// What the event's client was sent after it; nil when the log does not know the event's reader.
    package func sent(after event: EventID, of key: ConsumerKey) async throws(StateError) -> SentAfter? {
        try await askOf(key, otherwise: nil) { consumer, connection throws(SQLiteError) in
            try DeliveryTables.sent(after: event, of: consumer, on: connection)
        }
    }

    /// The last event of each shard that the event's reader was sent, up to the event; nil when the log does not know the
    /// event. Where the log cannot be read, what waits to be stored tells it: maybe not of every shard. Throws where that
    /// tells nothing.
    package func sent(upTo event: EventID, of key: ConsumerKey) async throws(StateError) -> [ShardID: SentEvent]? {
        await commitIfPossible()
        let waiting = SentUpTo(event, of: key, in: unstored)
        var known: SentUpTo?
        do throws(StateError) {
            let stored = try await askOf(key, mustBeWhole: false, otherwise: nil) {
                consumer, connection throws(SQLiteError) in
                try DeliveryTables.sent(upTo: event, of: consumer, on: connection)
            }
            known = waiting?.with(stored) ?? stored
        } catch {
            guard let waiting, !waiting.last.isEmpty else { throw error }
            known = waiting
        }
        return known.flatMap { event.number <= $0.newest ? $0.last : nil }
    }

    /// The furthest record of the shard that a reader of this consumer was sent.
    /// - Parameter seek: the shard's last one.
    package func furthestSent(_ shard: ShardID, under seek: SeekID?, of key: ConsumerKey) async throws(StateError)
        -> FurthestSent
    {
        await commitIfPossible()
        let waiting = unstored.filter { $0.consumer.key == key }.compactMap { $0.change.event(of: shard) }
        let stored = try await askOf(key, mustBeWhole: false, otherwise: FurthestSent(now: nil, before: nil)) {
            consumer, connection throws(SQLiteError) in
            try DeliveryTables.furthest(shard, under: seek, of: consumer, on: connection)
        }
        func furthest(_ stored: Checkpoint?, _ waiting: some Sequence<DeliveredEvent>) -> Checkpoint? {
            (waiting.map(\.last) + [stored].compactMap { $0 }).max()
        }
        return FurthestSent(
            now: furthest(stored.now, waiting.lazy.filter { $0.seek == seek }),
            before: furthest(stored.before, waiting.lazy.filter { $0.seek != seek }))
    }

    private func askOf<T: Sendable>(
        _ key: ConsumerKey, writes: Bool = false, mustBeWhole: Bool = true, otherwise: T,
        _ question: @escaping @Sendable (Int64, Connection) throws(SQLiteError) -> Result<T, StateError>
    ) async throws(StateError) -> T {
        try await ask(writes: writes, mustBeWhole: mustBeWhole) { connection throws(SQLiteError) in
            guard let consumer = try StateTables.consumer(key, on: connection) else { return .success(otherwise) }
            return try question(consumer.id, connection)
        }
    }
}

extension StateChange {
    /// The event of the shard that was sent; nil: it is no such event.
    fileprivate func event(of shard: ShardID) -> DeliveredEvent? {
        guard case .delivered(let event) = self, event.shard == shard else { return nil }
        return event
    }
}
