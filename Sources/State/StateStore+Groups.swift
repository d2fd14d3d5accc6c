import Kinesis
import SQLite
import Time

/// A group of which something is kept.
package struct StoredGroup: Hashable, Sendable {
    package let key: ConsumerKey
    /// When it last had a reader, or one of its checkpoints moved.
    package let lastUsed: WallTime

    package init(key: ConsumerKey, lastUsed: WallTime) {
        self.key = key
        self.lastUsed = lastUsed
    }
}

/// Questions about groups that nobody may be reading.
extension StateStore {
    /// The groups of which something is kept, those that were used last first.
    package func groups(limit: Int) async throws(StateError) -> [StoredGroup] {
        try await ask { connection throws(SQLiteError) in
            .success(try GroupTables.groups(limit: limit, on: connection))
        }
    }

    /// Notes that these groups are in use, also where nothing of them changes.
    package func used(_ keys: Set<ConsumerKey>) async throws(StateError) {
        try await ask(writes: true) { connection throws(SQLiteError) in
            try GroupTables.used(keys, on: .now(), on: connection)
            return .success(())
        }
    }

    /// The events of each shard that were sent and that its checkpoint does not cover.
    package func unacknowledged(of key: ConsumerKey) async throws(StateError) -> [ShardID: UnacknowledgedInLog] {
        try await ask { connection throws(SQLiteError) in
            guard let consumer = try StateTables.consumer(key, on: connection) else { return .success([:]) }
            return try DeliveryTables.unacknowledged(of: consumer.id, on: connection)
        }
    }

    /// What the delivery log knows of a record, as far as it could be stored.
    package func record(_ number: SequenceNumber, of shard: ShardID, of key: ConsumerKey) async throws(StateError)
        -> RecordInLog
    {
        try await ask { connection throws(SQLiteError) in
            guard let consumer = try StateTables.consumer(key, on: connection) else { return .success(.unknown) }
            return .success(try DeliveryTables.record(number, of: shard, consumer: consumer.id, on: connection))
        }
    }
}
