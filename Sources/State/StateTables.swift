import Kinesis
import SQLite
import Time

/// The statements over the consumers' positions. Every function is one part of a job on the database's thread.
/// `DeliveryTables` has those over the delivery log.
enum StateTables {
    /// Writes a page and changes nothing: whether the file can be written.
    static func probe(_ connection: Connection) throws(SQLiteError) {
        var version = 0
        try connection.query("PRAGMA user_version") { row in version = row.int(0) }
        try connection.run("PRAGMA user_version = \(version)")
    }

    static func load(_ key: ConsumerKey, on connection: Connection) throws(SQLiteError) -> Result<
        ConsumerState?, StateError
    > {
        guard let consumer = try consumer(key, on: connection) else { return .success(nil) }
        var shards: [ShardState] = []
        var unreadable: StateError?
        try connection.query(
            """
            SELECT sequence_number, sub_sequence_number, arrival, shard, parent, adjacent_parent, start, depleted, since,
                run, seek
            FROM shards WHERE consumer = ?1 ORDER BY shard
            """, .integer(consumer.id)
        ) { row throws(SQLiteError) in
            do throws(StateError) {
                shards.append(try shard(row))
            } catch {
                unreadable = unreadable ?? error
            }
        }
        if let unreadable { return .failure(unreadable) }
        return .success(
            ConsumerState(
                streamCreatedOn: WallTime(milliseconds: consumer.createdOn),
                latestSince: consumer.latestSince.map(WallTime.init(milliseconds:)), shards: shards))
    }

    /// Puts the state in place of what is there. The delivery log stays, unless it is of an earlier stream of this name.
    static func replace(_ key: ConsumerKey, _ state: ConsumerState, on connection: Connection) throws(SQLiteError) {
        let id: Int64
        if let old = try consumer(key, on: connection) {
            id = old.id
            if old.createdOn != state.streamCreatedOn.milliseconds { try DeliveryTables.clear(id, on: connection) }
            try connection.run("DELETE FROM shards WHERE consumer = ?1", .integer(id))
            try connection.run(
                "UPDATE consumers SET stream_created_on = ?2, latest_since = ?3, used = ?4 WHERE id = ?1", .integer(id),
                .integer(state.streamCreatedOn.milliseconds), .integer(state.latestSince?.milliseconds),
                .integer(WallTime.now().milliseconds))
        } else {
            try connection.run(
                """
                INSERT INTO consumers (stream, consumer_group, stream_created_on, latest_since, used)
                VALUES (?1, ?2, ?3, ?4, ?5)
                """, .text(key.stream.text), .text(key.group), .integer(state.streamCreatedOn.milliseconds),
                .integer(state.latestSince?.milliseconds), .integer(WallTime.now().milliseconds))
            id = connection.lastInsertedRowID
        }
        for shard in state.shards { try add(shard, to: id, on: connection) }
    }

    /// Applies one change; one of a consumer that nothing is kept of, or of another incarnation of its stream, changes
    /// nothing.
    static func apply(_ entry: ChangeQueue.Entry, on connection: Connection) throws(SQLiteError) {
        if case .begin(let state) = entry.change { return try replace(entry.consumer.key, state, on: connection) }
        guard let row = try consumer(entry.consumer.key, on: connection),
            row.createdOn == entry.consumer.streamCreatedOn.milliseconds
        else { return }
        let id = row.id
        switch entry.change {
        case .begin: break
        case .checkpoint(let shard, let checkpoint):
            try store(checkpoint, of: shard, consumer: id, on: connection)
        case .reset(let shard, let place):
            try connection.run(
                """
                UPDATE shards SET sequence_number = ?3, sub_sequence_number = ?4, arrival = ?5, depleted = 0
                WHERE consumer = ?1 AND shard = ?2
                """, .integer(id), .text(shard.text), .text(place?.sequenceNumber.text),
                .integer(place?.subSequenceColumn), .integer(place?.arrival?.milliseconds))
        case .add(let shards):
            for shard in shards { try add(shard, to: id, on: connection) }
        case .deplete(let shard, let children):
            try deplete(shard, children: children, of: id, on: connection)
        case .adopt(let shard): try add(shard, to: id, or: "REPLACE", on: connection)
        case .seek(let shards):
            for shard in shards { try add(shard, to: id, or: "REPLACE", on: connection) }
        case .disown(let shard):
            try connection.run(
                "UPDATE shards SET run = NULL WHERE consumer = ?1 AND shard = ?2", .integer(id), .text(shard.text))
        case .forget(let shards):
            for shard in shards {
                try connection.run(
                    "DELETE FROM shards WHERE consumer = ?1 AND shard = ?2", .integer(id), .text(shard.text))
            }
        case .readerJoined, .delivered, .readerEnded, .lossesSettled, .lossesForgotten, .eventsForgotten:
            try DeliveryTables.apply(entry.change, of: id, on: connection)
        }
    }

    // MARK: Rows

    struct ConsumerRow {
        let id: Int64
        let createdOn: Int64
        let latestSince: Int64?
    }

    static func consumer(_ key: ConsumerKey, on connection: Connection) throws(SQLiteError) -> ConsumerRow? {
        var found: ConsumerRow?
        try connection.query(
            "SELECT id, stream_created_on, latest_since FROM consumers WHERE stream = ?1 AND consumer_group = ?2",
            .text(key.stream.text), .text(key.group)
        ) { row throws(SQLiteError) in
            found = ConsumerRow(id: row.int64(0), createdOn: row.int64(1), latestSince: row.optionalInt64(2))
        }
        return found
    }

    /// - Parameter conflict: what becomes of a row that is there, in SQLite's words.
    private static func add(
        _ shard: ShardState, to consumer: Int64, or conflict: StaticString = "IGNORE", on connection: Connection
    ) throws(SQLiteError) {
        try connection.run(
            """
            INSERT OR \(conflict) INTO shards (consumer, shard, parent, adjacent_parent, start, sequence_number,
                sub_sequence_number, arrival, depleted, since, run, seek)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            """, .integer(consumer), .text(shard.id.text), .text(shard.parents.first?.text),
            .text(shard.parents.dropFirst().first?.text), .integer(shard.start.column),
            .text(shard.checkpoint?.sequenceNumber.text),
            .integer(shard.checkpoint?.subSequenceColumn),
            .integer(shard.checkpoint?.arrival?.milliseconds), .flag(shard.isDepleted),
            .integer(shard.start.since?.milliseconds), .text(shard.run?.text),
            .text(shard.seek?.text))
    }

    private static func deplete(
        _ shard: ShardID, children: [ShardState], of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) {
        try connection.run(
            "UPDATE shards SET depleted = 1 WHERE consumer = ?1 AND shard = ?2", .integer(consumer), .text(shard.text))
        for child in children {
            try add(child, to: consumer, on: connection)
            try connection.run(
                "UPDATE shards SET start = ?3 WHERE consumer = ?1 AND shard = ?2 AND sequence_number IS NULL",
                .integer(consumer), .text(child.id.text), .integer(child.start.column))
        }
    }

    /// Compares here once more: whoever writes this table, a checkpoint never moves backwards. Without a
    /// sub-sequence number the whole record is done, which is further than any part of it.
    private static func store(
        _ checkpoint: Checkpoint, of shard: ShardID, consumer: Int64, on connection: Connection
    ) throws(SQLiteError) {
        try connection.run(
            """
            UPDATE shards SET sequence_number = ?3, sub_sequence_number = ?4, arrival = ?5
            WHERE consumer = ?1 AND shard = ?2 AND (
                sequence_number IS NULL
                OR length(sequence_number) < length(?3)
                OR (length(sequence_number) = length(?3) AND sequence_number < ?3)
                OR (sequence_number = ?3 AND sub_sequence_number IS NOT NULL
                    AND (?4 IS NULL OR sub_sequence_number < ?4)))
            """, .integer(consumer), .text(shard.text), .text(checkpoint.sequenceNumber.text),
            .integer(checkpoint.subSequenceColumn), .integer(checkpoint.arrival?.milliseconds))
    }

    private static func shard(_ row: SQLiteRow) throws(StateError) -> ShardState {
        let id = try row.shard(3)
        guard let start = ShardStart(column: row.int(6), since: row.optionalInt64(8)) else {
            throw .unreadable(table: "shards", value: "start \(row.int(6))")
        }
        let parents = [row.optionalText(4), row.optionalText(5)].compactMap { $0.flatMap(ShardID.init) }
        return ShardState(
            id: id, parents: parents, start: start, checkpoint: try row.checkpoint(from: 0), isDepleted: row.flag(7),
            run: row.optionalText(9).map { MemberRun($0) }, seek: row.optionalText(10).map { SeekID($0) })
    }
}

extension ShardStart {
    fileprivate init?(column: Int, since: Int64?) {
        switch column {
        case 0: self = .initial
        case 1: self = .initialClosed
        case 2: self = .trimHorizon
        case 3:
            guard let since else { return nil }
            self = .since(WallTime(milliseconds: since))
        default: return nil
        }
    }

    fileprivate var column: Int {
        switch self {
        case .initial: 0
        case .initialClosed: 1
        case .trimHorizon: 2
        case .since: 3
        }
    }

    fileprivate var since: WallTime? {
        if case .since(let moment) = self { moment } else { nil }
    }
}

extension SQLiteRow {
    func shard(_ column: Int) throws(StateError) -> ShardID {
        guard let id = ShardID(text(column)) else { throw .unreadable(table: "shards", value: text(column)) }
        return id
    }

    /// The checkpoint in three columns, from this one on: sequence number, sub-sequence number, arrival; nil for NULL.
    func checkpoint(from column: Int) throws(StateError) -> Checkpoint? {
        guard let text = optionalText(column) else { return nil }
        guard let number = SequenceNumber(text) else { throw .unreadable(table: "shards", value: text) }
        return Checkpoint(
            sequenceNumber: number, extent: Checkpoint.extent(ofColumn: optionalInt64(column + 1)),
            arrival: optionalInt64(column + 2).map(WallTime.init(milliseconds:)))
    }
}
