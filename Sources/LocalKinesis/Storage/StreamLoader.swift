import Kinesis
import SQLite
import Time

/// Reads what a store holds when it is opened. Confined to the database's thread.
struct StreamLoader {
    struct Loaded: Sendable {
        var streams: [LocalStream] = []
        var account = AccountSettings()
        var shards: [StreamStore.Address: StoredShard] = [:]
    }

    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    func load() throws(SQLiteError) -> Loaded {
        var loaded = Loaded()
        var shards: [String: [LocalShard]] = [:]
        try connection.query("SELECT * FROM shards ORDER BY stream, number") { row in
            let address = StreamStore.Address(stream: row.text(1), shard: row.int(2))
            loaded.shards[address] = StoredShard(key: row.int64(0))
            if let shard = Self.shard(row) { shards[address.stream, default: []].append(shard) }
        }
        for name in shards.keys {
            shards[name] = try shards[name]?.map { shard throws(SQLiteError) in
                let stored = loaded.shards[StreamStore.Address(stream: name, shard: shard.index)]
                return try stored.map { stored throws(SQLiteError) in try newest(of: shard, stored) } ?? shard
            }
        }
        let consumers = try consumers()
        try connection.query("SELECT * FROM streams ORDER BY name") { row in
            let name = row.text(0)
            loaded.streams.append(Self.stream(row, shards: shards[name] ?? [], consumers: consumers[name] ?? []))
        }
        for index in loaded.streams.indices { loaded.streams[index].tags = try tags(of: loaded.streams[index].name) }
        try connection.query("SELECT started, ended FROM account") { row in
            loaded.account = AccountSettings(
                started: WallTime(milliseconds: row.int64(0)),
                ended: row.optionalInt64(1).map { WallTime(milliseconds: $0) })
        }
        return loaded
    }

    private static func shard(_ row: SQLiteRow) -> LocalShard? {
        guard let first = HashKey(row.text(5)), let last = HashKey(row.text(6)),
            let range = HashKeyRange(start: first, end: last)
        else { return nil }
        var shard = LocalShard(
            index: row.int(2), parent: row.optionalInt64(3).map(Int.init),
            adjacentParent: row.optionalInt64(4).map(Int.init), hashKeyRange: range,
            created: WallTime(milliseconds: row.int64(7)))
        shard.closed = row.optionalInt64(8).map { WallTime(milliseconds: $0) }
        shard.nextOrdinal = row.int64(9)
        return shard
    }

    /// The shard with its newest record counted in: ordinals are stored with the shard only when it changes.
    private func newest(of shard: LocalShard, _ stored: StoredShard) throws(SQLiteError) -> LocalShard {
        var shard = shard
        try connection.query(
            "SELECT id, arrival FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1",
            .integer(stored.firstRow), .integer(stored.endRow)
        ) { row in
            shard.nextOrdinal = max(shard.nextOrdinal, stored.ordinal(row: row.int64(0)) + 1)
            shard.lastArrival = WallTime(milliseconds: row.int64(1))
        }
        shard.settledOrdinal = shard.nextOrdinal
        shard.storedOrdinal = shard.nextOrdinal
        return shard
    }

    private static func stream(
        _ row: SQLiteRow, shards: [LocalShard], consumers: [StreamConsumer]
    ) -> LocalStream {
        // A change that was under way when the process ended is complete: shards change at its beginning.
        let status: LocalStream.Status = row.text(2) == LocalStream.Status.deleting.rawValue ? .deleting : .active
        var stream = LocalStream(
            name: row.text(0), created: WallTime(milliseconds: row.int64(1)), status: status,
            mode: LocalStream.Mode(rawValue: row.text(3)) ?? .provisioned, shards: shards, nextShardIndex: row.int(7),
            consumers: consumers)
        stream.retentionHours = row.int(4)
        stream.maxRecordKiB = row.int(5)
        stream.encryptionKey = row.optionalText(6)
        stream.shardMetrics = Set(row.text(8).split(separator: ",").compactMap { ShardMetric(rawValue: String($0)) })
        stream.policy = row.optionalText(9)
        stream.warmThroughput = row.optionalInt64(10).map(Int.init)
        stream.distribution = LocalStream.Distribution(rawValue: row.text(11)) ?? .userPartitionKey
        return stream
    }

    /// Of each stream.
    private func consumers() throws(SQLiteError) -> [String: [StreamConsumer]] {
        var tags: [[String]: [String: String]] = [:]
        try connection.query("SELECT stream, consumer, key, value FROM consumer_tags") { row in
            tags[[row.text(0), row.text(1)], default: [:]][row.text(2)] = row.text(3)
        }
        var consumers: [String: [StreamConsumer]] = [:]
        try connection.query("SELECT stream, name, created FROM consumers") { row in
            consumers[row.text(0), default: []].append(
                StreamConsumer(
                    name: row.text(1), created: WallTime(milliseconds: row.int64(2)), status: .active,
                    tags: tags[[row.text(0), row.text(1)]] ?? [:]))
        }
        return consumers
    }

    private func tags(of stream: String) throws(SQLiteError) -> [String: String] {
        var tags: [String: String] = [:]
        try connection.query("SELECT key, value FROM tags WHERE stream = ?1", .text(stream)) { row in
            tags[row.text(0)] = row.text(1)
        }
        return tags
    }
}
