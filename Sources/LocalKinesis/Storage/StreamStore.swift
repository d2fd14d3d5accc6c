import Bytes
import Kinesis
import SQLite
import Time

/// Streams and records in SQLite. Confined to its loop; the SQL runs on the database's thread.
final class StreamStore: @unchecked Sendable {
    struct Address: Hashable, Sendable {
        var stream: String
        var shard: Int
    }

    private let database: Database
    private var shards: [Address: StoredShard] = [:]

    var journal: Journal { database.journal }

    private init(_ database: Database) {
        self.database = database
    }

    /// Opens the store and reads what is in it but records.
    static func open(
        _ location: DatabaseLocation
    ) async throws(SQLiteError) -> (StreamStore, StreamLoader.Loaded) {
        let store = StreamStore(try await Database.open(location, migrations: Schema.migrations))
        let loaded = try await store.database.read { connection throws(SQLiteError) in
            try StreamLoader(connection).load()
        }
        store.shards = loaded.shards
        return (store, loaded)
    }

    func close() async {
        await database.close()
    }

    func storedShard(_ address: Address) -> StoredShard? {
        shards[address]
    }

    /// Stores a stream's settings and shards as they are now.
    func save(_ stream: LocalStream) async throws(SQLiteError) {
        let keys = try await database.write { connection throws(SQLiteError) in
            try connection.run(
                """
                INSERT INTO streams VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (name) DO UPDATE SET
                status = ?3, mode = ?4, retention_hours = ?5, max_record_kib = ?6, encryption_key = ?7, next_shard = ?8,
                shard_metrics = ?9, policy = ?10, warm_throughput = ?11, distribution = ?12
                """,
                .text(stream.name), .integer(stream.created.milliseconds), .text(stream.status.rawValue),
                .text(stream.mode.rawValue), .integer(stream.retentionHours), .integer(stream.maxRecordKiB),
                .text(stream.encryptionKey), .integer(stream.nextShardIndex),
                .text(stream.shardMetrics.map(\.rawValue).sorted().joined(separator: ",")), .text(stream.policy),
                .integer(stream.warmThroughput.map(Int64.init)), .text(stream.distribution.rawValue))
            try Self.saveTags(of: stream, connection)
            try Self.saveConsumers(of: stream, connection)
            return try Self.save(stream.orderedShards, of: stream.name, connection)
        }
        for (address, key) in keys { shards[address] = key }
    }

    private static func saveTags(of stream: LocalStream, _ connection: Connection) throws(SQLiteError) {
        try connection.run("DELETE FROM tags WHERE stream = ?1", .text(stream.name))
        for (key, value) in stream.tags {
            try connection.run("INSERT INTO tags VALUES (?1, ?2, ?3)", .text(stream.name), .text(key), .text(value))
        }
    }

    private static func saveConsumers(of stream: LocalStream, _ connection: Connection) throws(SQLiteError) {
        try deleteConsumers(of: stream.name, connection)
        // What is being deregistered is gone with the process.
        for consumer in stream.consumers.values where consumer.status != .deleting {
            try connection.run(
                "INSERT INTO consumers VALUES (?1, ?2, ?3)", .text(stream.name), .text(consumer.name),
                .integer(consumer.created.milliseconds))
            for (key, value) in consumer.tags {
                try connection.run(
                    "INSERT INTO consumer_tags VALUES (?1, ?2, ?3, ?4)", .text(stream.name), .text(consumer.name),
                    .text(key), .text(value))
            }
        }
    }

    private static func deleteConsumers(of stream: String, _ connection: Connection) throws(SQLiteError) {
        try connection.run("DELETE FROM consumers WHERE stream = ?1", .text(stream))
        try connection.run("DELETE FROM consumer_tags WHERE stream = ?1", .text(stream))
    }

    private static func save(
        _ shards: [LocalShard], of stream: String, _ connection: Connection
    ) throws(SQLiteError) -> [Address: StoredShard] {
        var keys: [Address: StoredShard] = [:]
        for shard in shards {
            try connection.query(
                """
                INSERT INTO shards (stream, number, parent, adjacent_parent, first_hash_key, last_hash_key, created,
                closed, next_ordinal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                ON CONFLICT (stream, number) DO UPDATE SET closed = ?8, next_ordinal = max(next_ordinal, ?9)
                RETURNING key
                """,
                .text(stream), .integer(shard.index), .integer(shard.parent.map(Int64.init)),
                .integer(shard.adjacentParent.map(Int64.init)), .text(shard.hashKeyRange.start.description),
                .text(shard.hashKeyRange.end.description), .integer(shard.created.milliseconds),
                .integer(shard.closed?.milliseconds), .integer(shard.nextOrdinal)
            ) { row in keys[Address(stream: stream, shard: shard.index)] = StoredShard(key: row.int64(0)) }
        }
        return keys
    }

    func save(_ settings: AccountSettings) async throws(SQLiteError) {
        guard let started = settings.started else { return }
        try await database.write { connection throws(SQLiteError) in
            try connection.run(
                "INSERT OR REPLACE INTO account VALUES (1, ?1, ?2)", .integer(started.milliseconds),
                .integer(settings.ended?.milliseconds))
        }
    }

    func delete(_ stream: String) async throws(SQLiteError) {
        let gone = shards.filter { $0.key.stream == stream }
        try await database.write { connection throws(SQLiteError) in
            for shard in gone.values { try Self.deleteShard(shard, connection) }
            try connection.run("DELETE FROM tags WHERE stream = ?1", .text(stream))
            try Self.deleteConsumers(of: stream, connection)
            try connection.run("DELETE FROM streams WHERE name = ?1", .text(stream))
        }
        for address in gone.keys { shards[address] = nil }
    }

    /// Removes records that arrived before `horizon`, and whole shards that have outlived it.
    func trim(_ stream: LocalStream, before horizon: WallTime, expired: [LocalShard]) async throws(SQLiteError) {
        try await save(stream)  // The next ordinals must outlive the records that show them.
        let kept = stream.orderedShards.compactMap { shards[Address(stream: stream.name, shard: $0.index)] }
        let gone = expired.map { Address(stream: stream.name, shard: $0.index) }
        let goneShards = gone.compactMap { shards[$0] }
        try await database.write { connection throws(SQLiteError) in
            for shard in goneShards { try Self.deleteShard(shard, connection) }
            for shard in kept {
                let end = try Self.firstRow(shard, arrivedAtOrAfter: horizon, connection) ?? shard.endRow
                try connection.run(
                    "DELETE FROM records WHERE id >= ?1 AND id < ?2", .integer(shard.firstRow), .integer(end))
            }
        }
        for address in gone { shards[address] = nil }
    }

    private static func deleteShard(_ shard: StoredShard, _ connection: Connection) throws(SQLiteError) {
        try connection.run(
            "DELETE FROM records WHERE id >= ?1 AND id < ?2", .integer(shard.firstRow), .integer(shard.endRow))
        try connection.run("DELETE FROM shards WHERE key = ?1", .integer(shard.key))
    }

    // MARK: Records

    /// A record on its way in: its row, and where its entry stands in the chunk that holds them all.
    struct NewRecord: Sendable {
        var row: Int64
        var arrival: WallTime
        var bytes: Int
        var entry: Range<Int>
    }

    /// Stores records; returns once they are committed. Calls made one after the other are committed in that order.
    func append(_ records: [NewRecord], entries: ByteBuffer) async throws(SQLiteError) {
        try await database.write { connection throws(SQLiteError) in
            for record in records {
                try connection.run(
                    "INSERT INTO records VALUES (?1, ?2, ?3, ?4)", .integer(record.row),
                    .integer(record.arrival.milliseconds), .integer(record.bytes),
                    .span(UnsafeRawBufferPointer(rebasing: entries.bytes[record.entry])))
            }
        }
    }

    struct Slice: Sendable {
        /// Has the records written behind what was in it.
        var answer: AnswerWriter
        var count = 0
        /// Data and keys of the records, in bytes.
        var bytes = 0
        var lastOrdinal: Int64 = 0
        /// Up to where was looked: nothing more lies between the last record and this ordinal when the slice is empty.
        var readTo: Int64 = 0
        var lastArrival = WallTime(milliseconds: 0)
    }

    /// Reads a shard's records from `ordinal` up to and without `end`, at most `limit` of them and `maxBytes` of data
    /// and keys, but at least one where there is one. They are written as elements of the array that `answer` has open.
    func read(
        _ shard: StoredShard, from ordinal: Int64, below end: Int64, limit: Int, maxBytes: Int,
        into answer: AnswerWriter
    ) async throws(SQLiteError) -> Slice {
        try await database.read { connection throws(SQLiteError) in
            var slice = Slice(answer: answer, readTo: end)
            try connection.scan(
                "SELECT id, arrival, bytes, entry FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
                .integer(shard.row(ordinal)), .integer(shard.row(end)), .integer(limit),
                while: { row in
                    let bytes = row.int(2)
                    guard slice.count == 0 || slice.bytes + bytes <= maxBytes else { return false }
                    slice.answer.record(row.bytes(3))
                    slice.count += 1
                    slice.bytes += bytes
                    slice.lastOrdinal = shard.ordinal(row: row.int64(0))
                    slice.lastArrival = WallTime(milliseconds: row.int64(1))
                    return true
                })
            return slice
        }
    }

    /// The first record of a shard from `ordinal` on, and when it arrived; nil when there is none.
    func firstRecord(
        _ shard: StoredShard, from ordinal: Int64
    ) async throws(SQLiteError) -> (ordinal: Int64, arrival: WallTime)? {
        try await database.read { connection throws(SQLiteError) in
            try Self.firstRow(from: shard.row(ordinal), below: shard.endRow, connection).map {
                (shard.ordinal(row: $0.row), $0.arrival)
            }
        }
    }

    private static func firstRow(
        from start: Int64, below end: Int64, _ connection: Connection
    ) throws(SQLiteError) -> (row: Int64, arrival: WallTime)? {
        var found: (row: Int64, arrival: WallTime)?
        try connection.query(
            "SELECT id, arrival FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1", .integer(start),
            .integer(end)
        ) { row in found = (row.int64(0), WallTime(milliseconds: row.int64(1))) }
        return found
    }

    /// The first record of a shard that arrived at `time` or later; nil when there is none.
    func firstOrdinal(_ shard: StoredShard, arrivedAtOrAfter time: WallTime) async throws(SQLiteError) -> Int64? {
        try await database.read { connection throws(SQLiteError) in
            try Self.firstRow(shard, arrivedAtOrAfter: time, connection).map(shard.ordinal(row:))
        }
    }

    /// Arrivals never decrease along a shard: some 40 steps find the place, however many records there are.
    private static func firstRow(
        _ shard: StoredShard, arrivedAtOrAfter time: WallTime, _ connection: Connection
    ) throws(SQLiteError) -> Int64? {
        var (low, high) = (shard.firstRow, shard.endRow)
        var found: Int64?
        while low < high {
            let middle = low + (high - low) / 2
            switch try firstRow(from: middle, below: high, connection) {
            case nil: high = middle
            case .some(let next) where next.arrival >= time:
                found = next.row
                high = middle
            case .some(let next): low = next.row + 1
            }
        }
        return found
    }
}
