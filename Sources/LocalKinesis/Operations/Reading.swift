import Bytes
import Kinesis
import SQLite
import Time

/// GetShardIterator and GetRecords.
extension KinesisService {
    /// Under which names a request says where reading begins.
    enum PositionNames {
        case iterator, subscription

        var type: String { self == .iterator ? "ShardIteratorType" : "Type" }
        var number: String { self == .iterator ? "StartingSequenceNumber" : "SequenceNumber" }
        var operation: String { self == .iterator ? "GetShardIterator" : "SubscribeToShard" }
    }

    private enum IteratorType: String, CaseIterable {
        case atSequenceNumber = "AT_SEQUENCE_NUMBER"
        case afterSequenceNumber = "AFTER_SEQUENCE_NUMBER"
        case trimHorizon = "TRIM_HORIZON"
        case latest = "LATEST"
        case atTimestamp = "AT_TIMESTAMP"
    }

    /// Data and keys of one answer, in bytes, and its records. Source: GetRecords in the service's API reference.
    private static let maxAnswerBytes = 10 * 1024 * 1024
    private static let maxAnswerRecords = 10_000

    func getShardIterator(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let shard = try shard(fields.string("ShardId"), of: stream)
        let address = StreamStore.Address(stream: stream.name, shard: shard.index)
        if configuration.limits, !throttle(address, { $0.mayMakeIterator(now: loop.now) }) {
            throw .throughputExceeded(shard.id, stream.name, configuration.account)
        }
        let ordinal = try await startingOrdinal(fields, .iterator, stream, shard)
        let token = ShardIteratorToken(
            stream: stream.name, streamCreated: stream.created, shardIndex: shard.index, ordinal: ordinal,
            issued: iteratorTime)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("ShardIterator", token.text)
        answer.endObject()
        return answer.buffer
    }

    func startingOrdinal(
        _ fields: RequestFields, _ names: PositionNames, _ stream: LocalStream, _ shard: LocalShard
    ) async throws(ServiceFault) -> Int64 {
        let type = try fields.choice(names.type, IteratorType.self)
        let needsNumber = type == .atSequenceNumber || type == .afterSequenceNumber
        guard needsNumber == fields.has(names.number) else {
            throw .invalidArgument(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \(names.number) or (2) "
                    + "TRIM_HORIZON or LATEST and no \(names.number). Request specified \(type.rawValue) and "
                    + (needsNumber ? "no" : "also a") + " \(names.number).")
        }
        switch type {
        case .trimHorizon: return 0
        case .latest: return shard.storedOrdinal
        case .atSequenceNumber: return try ordinal(fields, names, stream, shard)
        case .afterSequenceNumber: return try ordinal(fields, names, stream, shard) + 1
        case .atTimestamp:
            guard let time = try fields.optionalTime("Timestamp") else {
                throw .invalidArgument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
            }
            guard time <= .now() else {
                throw .invalidArgument(
                    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.")
            }
            // Taken before the wait: a record that comes meanwhile is later than the time and is found.
            let tip = shard.nextOrdinal
            let address = StreamStore.Address(stream: stream.name, shard: shard.index)
            guard let stored = store.storedShard(address) else { return shard.storedOrdinal }
            do throws(SQLiteError) {
                if let found = try await store.firstOrdinal(stored, arrivedAtOrAfter: time) { return found }
                return min(tip, find(stream.name)?.shards[shard.index]?.storedOrdinal ?? tip)
            } catch {
                throw failed("read shard \(shard.id) of \(stream.name)", error)
            }
        }
    }

    private func ordinal(
        _ fields: RequestFields, _ names: PositionNames, _ stream: LocalStream, _ shard: LocalShard
    ) throws(ServiceFault) -> Int64 {
        let text = try fields.string(names.number)
        guard let parsed = SequenceNumber(text) else {
            throw RequestFields.constraint(
                names.number, text, "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})")
        }
        guard let number = LocalSequenceNumber(parsed), number.shardIndex == shard.index,
            number.shardCreated == shard.created, number.ordinal <= shard.lastOrdinal
        else {
            throw .invalidArgument(
                "\(names.number) \(text) used in \(names.operation) on shard \(shard.id) in stream \(stream.name) "
                    + "under account \(configuration.account) is invalid because it did not come from this stream.")
        }
        return number.ordinal
    }

    // MARK: GetRecords

    func getRecords(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        let limit = try fields.optionalInt("Limit", 1...Self.maxAnswerRecords) ?? Self.maxAnswerRecords
        let text = try fields.string("ShardIterator")
        guard !text.isEmpty else { throw RequestFields.tooShort("ShardIterator", "") }
        guard let token = ShardIteratorToken(text) else { throw .invalidArgument("Invalid ShardIterator.") }
        guard let stream = find(token.stream), stream.created == token.streamCreated,
            let shard = stream.shards[token.shardIndex]
        else {
            throw .notFound(
                "Shard \(LocalShard.id(token.shardIndex)) in stream \(token.stream) under account "
                    + "\(configuration.account) does not exist")
        }
        let now = WallTime.now()
        guard !token.isExpired(now: now), token.issued >= iteratorsExpiredBefore else {
            throw ServiceFault(
                code: "ExpiredIteratorException",
                message:
                    "Iterator expired. The iterator was created at time \(token.issued.iso8601) while right now it "
                    + "is \(now.iso8601) which is further in the future than the tolerated delay of 300000 milliseconds."
            )
        }
        let address = StreamStore.Address(stream: stream.name, shard: shard.index)
        if configuration.limits, !throttle(address, { $0.mayRead(now: loop.now) }) {
            throw .throughputExceeded(shard.id, stream.name, configuration.account)
        }
        let slice = try await read(address, shard, token.ordinal, limit, fields)
        if configuration.limits { throttle(address) { $0.didRead(bytes: slice.bytes, now: loop.now) } }
        return try answer(slice, token, stream: stream.name)
    }

    /// What is there for readers from `ordinal` on; without asking the store when nothing can be.
    private func read(
        _ address: StreamStore.Address, _ shard: LocalShard, _ ordinal: Int64, _ limit: Int, _ fields: RequestFields
    ) async throws(ServiceFault) -> StreamStore.Slice {
        var answer = fields.answer(capacity: 4096)
        answer.beginObject()
        answer.key("Records")
        answer.beginArray()
        guard ordinal < shard.storedOrdinal, let stored = store.storedShard(address) else {
            return StreamStore.Slice(answer: answer, readTo: shard.storedOrdinal)
        }
        do throws(SQLiteError) {
            return try await store.read(
                stored, from: ordinal, below: shard.storedOrdinal, limit: limit, maxBytes: Self.maxAnswerBytes,
                into: answer)
        } catch {
            throw failed("read shard \(shard.id) of \(address.stream)", error)
        }
    }

    /// Completes the answer whose records stand in the slice.
    private func answer(
        _ slice: StreamStore.Slice, _ token: ShardIteratorToken, stream name: String
    ) throws(ServiceFault) -> ByteBuffer {
        let stream = try stream(named: name)
        let shard = try shard(LocalShard.id(token.shardIndex), of: stream)
        var next = token
        next.issued = iteratorTime
        // An empty slice below the tip: those records have been trimmed, or were never stored.
        next.ordinal = slice.count > 0 ? slice.lastOrdinal + 1 : max(token.ordinal, slice.readTo)
        let isAtTip = next.ordinal >= slice.readTo
        let behind = isAtTip ? 0 : max(0, next.issued.milliseconds - slice.lastArrival.milliseconds)
        var answer = slice.answer
        answer.endArray()
        answer.member("MillisBehindLatest", Int(behind))
        if shard.isReadOut(at: next.ordinal) {
            answer.key("ChildShards")
            answer.beginArray()
            for child in stream.children(of: shard.index) { child.writeAsChild(&answer) }
            answer.endArray()
        } else {
            answer.member("NextShardIterator", next.text)
        }
        answer.endObject()
        return answer.buffer
    }
}

extension LocalShard {
    /// Whether no record comes from this ordinal on.
    func isReadOut(at ordinal: Int64) -> Bool {
        !isOpen && settledOrdinal >= nextOrdinal && ordinal >= storedOrdinal
    }

    func writeAsChild(_ answer: inout AnswerWriter) {
        answer.beginObject()
        answer.member("ShardId", id)
        answer.key("ParentShards")
        answer.beginArray()
        for parent in parents { answer.string(Self.id(parent)) }
        answer.endArray()
        writeHashKeyRange(&answer)
        answer.endObject()
    }
}
