import Kinesis
import SQLite
import Time

/// Questions to the delivery log. Each sees what was noted before, and throws where that could not be committed.
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
    /// event.
    package func sent(upTo event: EventID, of key: ConsumerKey) async throws(StateError) -> [ShardID: SentEvent]? {
        try await askOf(key, otherwise: nil) { consumer, connection throws(SQLiteError) in
            try DeliveryTables.sent(upTo: event, of: consumer, on: connection)
        }
    }

    /// The furthest record of the shard that a reader of this consumer was sent; nil when the log holds none.
    package func furthestSent(_ shard: ShardID, of key: ConsumerKey) async throws(StateError) -> Checkpoint? {
        try await askOf(key, otherwise: nil) { consumer, connection throws(SQLiteError) in
            try DeliveryTables.furthest(shard, of: consumer, on: connection)
        }
    }

    private func askOf<T: Sendable>(
        _ key: ConsumerKey, writes: Bool = false, otherwise: T,
        _ question: @escaping @Sendable (Int64, Connection) throws(SQLiteError) -> Result<T, StateError>
    ) async throws(StateError) -> T {
        try await ask(writes: writes, mustBeWhole: true) { connection throws(SQLiteError) in
            guard let consumer = try StateTables.consumer(key, on: connection) else { return .success(otherwise) }
            return try question(consumer.id, connection)
        }
    }
}
