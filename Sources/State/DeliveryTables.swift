import Kinesis
import SQLite
import Time

/// The statements over the delivery log. Every function is one part of a job on the database's thread.
enum DeliveryTables {
    /// `readers.state`.
    private enum ReaderState: Int64 {
        case connected = 0
        case lost = 1
        case ended = 2
    }

    // MARK: Changes

    static func apply(_ change: StateChange, of consumer: Int64, on connection: Connection) throws(SQLiteError) {
        switch change {
        case .begin, .checkpoint, .reset, .add, .deplete, .adopt, .seek, .disown, .forget: break
        case .readerJoined(let reader, let time, let unreadBytes, let former):
            try connection.run(
                """
                INSERT OR REPLACE INTO readers (consumer, reader, joined, unread, follows) VALUES (?1, ?2, ?3, ?4, ?5)
                """, .integer(consumer), .text(reader.text), .integer(time.milliseconds), .integer(unreadBytes),
                former.map { .text($0.text) } ?? .null)
        case .delivered(let event):
            try add(event, of: consumer, on: connection)
        case .readerEnded(let reader, let time, let isLost):
            try connection.run(
                "UPDATE readers SET state = ?3, ended = ?4 WHERE consumer = ?1 AND reader = ?2",
                .integer(consumer), .text(reader.text),
                .integer((isLost ? ReaderState.lost : .ended).rawValue), .integer(time.milliseconds))
        case .lossesSettled(let readers):
            for reader in readers {
                try connection.run(
                    "UPDATE readers SET state = ?3 WHERE consumer = ?1 AND reader = ?2",
                    .integer(consumer), .text(reader.text), .integer(ReaderState.ended.rawValue))
            }
        case .lossesForgotten(let time):
            try connection.run(
                "UPDATE readers SET state = ?2, ended = coalesce(ended, ?3) WHERE consumer = ?1 AND state != ?2",
                .integer(consumer), .integer(ReaderState.ended.rawValue), .integer(time.milliseconds))
        case .eventsForgotten(let reader, let number):
            try connection.run(
                "UPDATE readers SET pruned = max(pruned, ?3) WHERE consumer = ?1 AND reader = ?2",
                .integer(consumer), .text(reader.text), .integer(number))
        }
    }

    private static func add(
        _ event: DeliveredEvent, of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) {
        try connection.run(
            "UPDATE readers SET newest = ?3, sent = ?4 WHERE consumer = ?1 AND reader = ?2",
            .integer(consumer), .text(event.id.reader.text), .integer(event.id.number), .integer(event.endOffset))
        // A reader that the log has lost track of has no events in it either.
        guard connection.changes > 0 else { return }
        let before = event.before
        try connection.run(
            """
            INSERT OR REPLACE INTO deliveries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            """,
            .integer(consumer), .text(event.id.reader.text), .integer(event.id.number), .text(event.shard.text),
            .text(before.sequenceNumber.text), .integer(before.subSequenceColumn),
            .integer(before.arrival?.milliseconds), .text(event.last.sequenceNumber.text),
            .integer(event.last.subSequenceColumn), .integer(event.last.arrival?.milliseconds),
            .integer(event.endOffset), .integer(event.sentOn.milliseconds), .text(event.seek?.text),
            .integer(event.records))
    }

    static func clear(_ consumer: Int64, on connection: Connection) throws(SQLiteError) {
        try connection.run("DELETE FROM deliveries WHERE consumer = ?1", .integer(consumer))
        try connection.run("DELETE FROM readers WHERE consumer = ?1", .integer(consumer))
    }

    // MARK: Questions

    /// Readers that are lost, those included that are still noted as connected: their process has died.
    static func lostReaders(
        of consumer: Int64, now: WallTime, on connection: Connection
    ) throws(SQLiteError) -> Result<[LostReader], StateError> {
        try connection.run(
            "UPDATE readers SET state = ?2, ended = ?3 WHERE consumer = ?1 AND state = ?4", .integer(consumer),
            .integer(ReaderState.lost.rawValue), .integer(now.milliseconds),
            .integer(ReaderState.connected.rawValue))
        var lost: [(ReaderID, unreadFrom: Int)] = []
        try connection.query(
            "SELECT reader, sent - unread FROM readers WHERE consumer = ?1 AND state = ?2", .integer(consumer),
            .integer(ReaderState.lost.rawValue)
        ) { row throws(SQLiteError) in
            if let reader = ReaderID(row.text(0)) { lost.append((reader, row.int(1))) }
        }
        var readers: [LostReader] = []
        for (reader, unreadFrom) in lost {
            let rows = try befores(
                of: reader, consumer, where: "end_offset > ?3", .integer(unreadFrom), on: connection)
            switch rows {
            case .success(let unread): readers.append(LostReader(id: reader, unread: unread))
            case .failure(let error): return .failure(error)
            }
        }
        return .success(readers)
    }

    /// The reader and those that came back naming an event of it, or of one of those; empty when the log does not know it.
    static func line(
        from reader: ReaderID, of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> [ReaderID] {
        var line: [ReaderID] = []
        try connection.query(
            """
            WITH RECURSIVE line (reader) AS (
                SELECT reader FROM readers WHERE consumer = ?1 AND reader = ?2
                UNION SELECT later.reader FROM readers AS later JOIN line ON later.follows = line.reader
                WHERE later.consumer = ?1
            )
            SELECT reader FROM line
            """, .integer(consumer), .text(reader.text)
        ) { row throws(SQLiteError) in
            if let reader = ReaderID(row.text(0)) { line.append(reader) }
        }
        return line
    }

    /// What the event's client was sent after it; nil when the log does not know the event's reader.
    ///
    /// Who came back naming an event of that reader had nothing newer, so whatever it was sent then came after the event.
    static func sent(
        after event: EventID, of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> Result<SentAfter?, StateError> {
        let line = try line(from: event.reader, of: consumer, on: connection)
        guard !line.isEmpty else { return .success(nil) }
        var stretches: [ShardID: SentAfter.Stretch] = [:]
        var isWhole = true
        for reader in line {
            let behind = reader == event.reader ? event.number : 0
            if let facts = try facts(of: reader, consumer, on: connection), behind < facts.pruned { isWhole = false }
            let number = SQLiteValue.integer(behind)
            let first = try befores(of: reader, consumer, where: "number > ?3", number, on: connection)
            let last = try lasts(of: reader, consumer, where: "number > ?3", number, on: connection)
            do {
                let (befores, lasts) = (try first.get(), try last.get())
                for (shard, last) in lasts {
                    guard let before = befores[shard] else { continue }
                    let known = stretches[shard]
                    stretches[shard] = SentAfter.Stretch(
                        before: min(before, known?.before ?? before), last: max(last, known?.last ?? last))
                }
            } catch {
                return .failure(error)
            }
        }
        return .success(SentAfter(stretches: stretches, readers: line, isWhole: isWhole))
    }

    /// What the event's reader was sent, up to the event; nil when the log does not know the reader.
    static func sent(
        upTo event: EventID, of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> Result<SentUpTo?, StateError> {
        guard let facts = try facts(of: event.reader, consumer, on: connection) else { return .success(nil) }
        return try byShard(
            """
            SELECT sequence_number, sub_sequence_number, arrival, shard, MAX(number), seek, records FROM deliveries
            WHERE consumer = ?1 AND reader = ?2 AND number <= ?3 GROUP BY shard
            """, event.reader, consumer, .integer(event.number), on: connection
        ) {
            SentEvent(
                number: $1.int(4), last: $0, seek: $1.optionalText(5).map { SeekID($0) }, records: $1.int(6))
        }.map { SentUpTo(newest: facts.newest, last: $0) }
    }

    /// The furthest record of the shard that any reader was sent under this seek, and under others.
    static func furthest(
        _ shard: ShardID, under seek: SeekID?, of consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> Result<FurthestSent, StateError> {
        let now = try furthest(shard, where: "seek IS ?3", seek, consumer, on: connection)
        let before = try furthest(shard, where: "seek IS NOT ?3", seek, consumer, on: connection)
        return Result { () throws(StateError) in FurthestSent(now: try now.get(), before: try before.get()) }
    }

    private static func furthest(
        _ shard: ShardID, where condition: String, _ seek: SeekID?, _ consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> Result<Checkpoint?, StateError> {
        var found: Result<Checkpoint?, StateError> = .success(nil)
        try connection.query(
            """
            SELECT sequence_number, sub_sequence_number, arrival FROM deliveries
            WHERE consumer = ?1 AND shard = ?2 AND \(condition) ORDER BY \(sortKey("")) DESC LIMIT 1
            """, .integer(consumer), .text(shard.text), .text(seek?.text)
        ) { row throws(SQLiteError) in
            found = Result { () throws(StateError) in try row.checkpoint(from: 0) }
        }
        return found
    }

    // MARK: Parts of them

    private static func facts(
        of reader: ReaderID, _ consumer: Int64, on connection: Connection
    ) throws(SQLiteError) -> (newest: Int, pruned: Int)? {
        var found: (Int, Int)?
        try connection.query(
            "SELECT newest, pruned FROM readers WHERE consumer = ?1 AND reader = ?2", .integer(consumer),
            .text(reader.text)
        ) { row throws(SQLiteError) in found = (row.int(0), row.int(1)) }
        return found
    }

    /// A text that sorts as the checkpoint in these columns does: by the number's length, then its digits, then the part
    /// of the record, the whole of it last. Not by printf, which has a NULL as 0.
    static func sortKey(_ prefix: String) -> String {
        """
        substr('000' || length(\(prefix)sequence_number), -3) || \(prefix)sequence_number ||
            coalesce(substr('000000000' || (\(prefix)sub_sequence_number + 1), -10), '~')
        """
    }

    /// Of events that count: those of before their shard's last seek do not.
    private static let isOfSeek =
        "seek IS (SELECT s.seek FROM shards AS s WHERE s.consumer = ?1 AND s.shard = deliveries.shard)"

    /// The earliest place from which each shard goes on if none of these events was read: not that of the first, since a
    /// shard may have begun again further back in between. SQLite takes the other columns of a MIN or MAX from the row
    /// that has it (https://www.sqlite.org/lang_select.html, "Bare columns in an aggregate query").
    private static func befores(
        of reader: ReaderID, _ consumer: Int64, where condition: String, _ value: SQLiteValue,
        on connection: Connection
    ) throws(SQLiteError) -> Result<[ShardID: Checkpoint], StateError> {
        try places(
            """
            SELECT before_sequence_number, before_sub_sequence_number, before_arrival, shard, MIN(\(sortKey("before_")))
            FROM deliveries WHERE consumer = ?1 AND reader = ?2 AND \(condition) AND \(isOfSeek) GROUP BY shard
            """, reader, consumer, value, on: connection)
    }

    /// The furthest record of each shard in these events.
    private static func lasts(
        of reader: ReaderID, _ consumer: Int64, where condition: String, _ value: SQLiteValue,
        on connection: Connection
    ) throws(SQLiteError) -> Result<[ShardID: Checkpoint], StateError> {
        try places(
            """
            SELECT sequence_number, sub_sequence_number, arrival, shard, MAX(\(sortKey("")))
            FROM deliveries WHERE consumer = ?1 AND reader = ?2 AND \(condition) AND \(isOfSeek) GROUP BY shard
            """, reader, consumer, value, on: connection)
    }

    /// Rows of a checkpoint and the shard that it is of.
    private static func places(
        _ sql: String, _ reader: ReaderID, _ consumer: Int64, _ value: SQLiteValue, on connection: Connection
    ) throws(SQLiteError) -> Result<[ShardID: Checkpoint], StateError> {
        try byShard(sql, reader, consumer, value, on: connection) { checkpoint, _ in checkpoint }
    }

    /// Rows of a checkpoint, the shard that it is of, and whatever else `make` reads of them.
    private static func byShard<Value>(
        _ sql: String, _ reader: ReaderID, _ consumer: Int64, _ value: SQLiteValue, on connection: Connection,
        make: (Checkpoint, SQLiteRow) -> Value
    ) throws(SQLiteError) -> Result<[ShardID: Value], StateError> {
        var shards: [ShardID: Value] = [:]
        var unreadable: StateError?
        try connection.query(sql, .integer(consumer), .text(reader.text), value) { row throws(SQLiteError) in
            do throws(StateError) {
                shards[try row.shard(3)] = try row.checkpoint(from: 0).map { make($0, row) }
            } catch {
                unreadable = error
            }
        }
        return unreadable.map { .failure($0) } ?? .success(shards)
    }
}

// MARK: - Pruning

extension DeliveryTables {
    private struct Row {
        let reader: String
        let hasEnded: Bool
        let endedOn: Int64
        let newest: Int
        let pruned: Int
        let unreadFrom: Int64
    }

    /// Holds a consumer's log within its limits. What a connected or lost reader may not have read stays.
    static func prune(
        _ consumer: Int64, _ limits: DeliveryLogLimits, now: WallTime, on connection: Connection
    ) throws(SQLiteError) {
        var rows: [Row] = []
        try connection.query(
            """
            SELECT reader, state, ended, newest, pruned, sent - unread FROM readers WHERE consumer = ?1
            ORDER BY ended DESC
            """, .integer(consumer)
        ) { row throws(SQLiteError) in
            rows.append(
                Row(
                    reader: row.text(0), hasEnded: row.int64(1) == ReaderState.ended.rawValue, endedOn: row.int64(2),
                    newest: row.int(3), pruned: row.int(4), unreadFrom: row.int64(5)))
        }
        let oldest = now.advanced(by: .zero - limits.endedFor).milliseconds
        var ended = 0
        for row in rows {
            if row.hasEnded { ended += 1 }
            if row.hasEnded, ended > limits.endedReaders || row.endedOn < oldest {
                try forget(row.reader, consumer, on: connection)
            } else {
                try shorten(row, consumer, limits, on: connection)
            }
        }
    }

    private static func forget(_ reader: String, _ consumer: Int64, on connection: Connection) throws(SQLiteError) {
        for table in ["deliveries", "readers"] {
            try connection.run(
                "DELETE FROM \(table) WHERE consumer = ?1 AND reader = ?2", .integer(consumer), .text(reader))
        }
    }

    private static func shorten(
        _ row: Row, _ consumer: Int64, _ limits: DeliveryLogLimits, on connection: Connection
    ) throws(SQLiteError) {
        let kept = row.hasEnded ? limits.eventsOfEndedReader : limits.eventsOfReader
        var last = row.newest - kept
        guard last > row.pruned else { return }
        if !row.hasEnded {
            var read = row.pruned
            try connection.query(
                """
                SELECT number FROM deliveries WHERE consumer = ?1 AND reader = ?2 AND number <= ?3 AND end_offset <= ?4
                ORDER BY number DESC LIMIT 1
                """, .integer(consumer), .text(row.reader), .integer(last), .integer(row.unreadFrom)
            ) { found throws(SQLiteError) in read = found.int(0) }
            last = read
        }
        try connection.run(
            "DELETE FROM deliveries WHERE consumer = ?1 AND reader = ?2 AND number <= ?3", .integer(consumer),
            .text(row.reader), .integer(last))
        try connection.run(
            "UPDATE readers SET pruned = ?3 WHERE consumer = ?1 AND reader = ?2", .integer(consumer),
            .text(row.reader), .integer(last))
    }
}
