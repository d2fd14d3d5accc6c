import Kinesis
import SQLite
import Time

/// The statements over the groups as a whole: which there are, when each was used, and how a group is deleted. Every
/// function is one part of a job on the database's thread.
enum GroupTables {
    /// The groups that were used last come first.
    static func groups(limit: Int, on connection: Connection) throws(SQLiteError) -> [StoredGroup] {
        var groups: [StoredGroup] = []
        try connection.query(
            "SELECT stream, consumer_group, used FROM consumers ORDER BY used DESC LIMIT ?1", .integer(limit)
        ) { row throws(SQLiteError) in
            guard let stream = StreamName(row.text(0)) else { return }
            groups.append(
                StoredGroup(
                    key: ConsumerKey(stream: stream, group: row.text(1)),
                    lastUsed: WallTime(milliseconds: row.int64(2))))
        }
        return groups
    }

    static func used(_ keys: Set<ConsumerKey>, on time: WallTime, on connection: Connection) throws(SQLiteError) {
        for key in keys {
            try connection.run(
                "UPDATE consumers SET used = ?3 WHERE stream = ?1 AND consumer_group = ?2", .text(key.stream.text),
                .text(key.group), .integer(time.milliseconds))
        }
    }

    /// Returns whether there was anything.
    static func delete(_ key: ConsumerKey, on connection: Connection) throws(SQLiteError) -> Bool {
        guard let id = try StateTables.consumer(key, on: connection)?.id else { return false }
        try DeliveryTables.clear(id, on: connection)
        try connection.run("DELETE FROM shards WHERE consumer = ?1", .integer(id))
        try connection.run("DELETE FROM consumers WHERE id = ?1", .integer(id))
        return true
    }
}

// MARK: - What the delivery log says beside the checkpoints

extension DeliveryTables {
    /// The events of each shard that its checkpoint does not cover. The furthest record is that of the row with the MAX, and
    /// another MIN or MAX beside it would undo that (`befores`): the first time is the same in all rows of a shard.
    static func unacknowledged(
        of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> Result<[ShardID: UnacknowledgedInLog], StateError> {
        var shards: [ShardID: UnacknowledgedInLog] = [:]
        var unreadable: StateError?
        try connection.query(
            """
            SELECT sequence_number, sub_sequence_number, arrival, shard, COUNT(DISTINCT place), MAX(place), first_sent_on
            FROM (
                SELECT d.*, \(sortKey("d.")) AS place, MIN(d.sent_on) OVER (PARTITION BY d.shard) AS first_sent_on
                FROM deliveries AS d JOIN shards AS s ON s.consumer = d.consumer AND s.shard = d.shard
                WHERE d.consumer = ?1 AND NOT s.depleted AND d.seek IS s.seek
                    AND (s.sequence_number IS NULL OR \(place("d.")) > \(place("s.")))
            ) GROUP BY shard
            """, .integer(consumer)
        ) { row throws(SQLiteError) in
            do throws(StateError) {
                guard let last = try row.checkpoint(from: 0) else { return }
                shards[try row.shard(3)] = UnacknowledgedInLog(
                    count: row.int(4), last: last,
                    firstSentOn: row.optionalInt64(6).map(WallTime.init(milliseconds:)))
            } catch {
                unreadable = error
            }
        }
        return unreadable.map { .failure($0) } ?? .success(shards)
    }

    /// A row value that sorts as the checkpoint in these columns does. Unlike `sortKey` it makes no text: most rows of a log
    /// are compared and left out.
    private static func place(_ prefix: String) -> String {
        """
        (length(\(prefix)sequence_number), \(prefix)sequence_number,
            coalesce(\(prefix)sub_sequence_number, \(Int64.max)))
        """
    }

    /// What the log knows of a record of the shard.
    static func record(
        _ number: SequenceNumber, of shard: ShardID, consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> RecordInLog {
        var found = RecordInLog.unknown
        try connection.query(
            """
            SELECT MAX(sequence_number = ?3 OR before_sequence_number = ?3) FROM deliveries
            WHERE consumer = ?1 AND shard = ?2
                AND (length(sequence_number), sequence_number) >= (length(?3), ?3)
                AND (length(before_sequence_number), before_sequence_number) <= (length(?3), ?3)
            """, .integer(consumer), .text(shard.text), .text(number.text)
        ) { row throws(SQLiteError) in
            if let isNamed = row.optionalInt64(0) { found = isNamed == 0 ? .insideEvent : .named }
        }
        return found
    }
}
