import Bytes
import Kinesis
import SQLite
import Time

/// PutRecord and PutRecords.
extension KinesisService {
    /// What became of one entry of a put.
    private enum Outcome {
        case stored(shard: Int, created: WallTime, ordinal: Int64, arrival: WallTime)
        case throttled(shard: Int)
    }

    func putRecord(_ given: RequestFields, _ body: ByteBuffer) async throws(ServiceFault) -> ByteBuffer? {
        let request = try await PutRequest.read(
            body, given.format, isBatch: false, limits: recordLimits, loop: loop)
        let stream = try writableStream(request.fields)
        try await checkOrdering(request.fields, stream)
        let outcomes = try await put(request, stream, failing: nil)
        withExtendedLifetime(body) {}
        var answer = request.fields.answer()
        answer.beginObject()
        switch outcomes[0] {
        case .stored: write(outcomes[0], stream, &answer)
        case .throttled(let shard):
            throw .throughputExceeded(LocalShard.id(shard), stream.name, configuration.account)
        }
        answer.member("EncryptionType", stream.encryptionType)
        answer.endObject()
        return answer.buffer
    }

    /// A SequenceNumberForOrdering must be one that a put of this stream got. Of a shard that has outlived the retention
    /// period nobody knows.
    private func checkOrdering(_ fields: RequestFields, _ stream: LocalStream) async throws(ServiceFault) {
        guard let text = try fields.optionalString("SequenceNumberForOrdering") else { return }
        guard stream.distribution == .userPartitionKey else {
            throw .invalidArgument(
                "SequenceNumberForOrdering must not be given for a stream whose record distribution strategy is AUTO.")
        }
        guard let number = SequenceNumber(text) else {
            throw RequestFields.constraint(
                "SequenceNumberForOrdering", text, "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})"
            )
        }
        if let given = LocalSequenceNumber(number), let second = LocalSequenceNumber.second(number), given.ordinal > 0 {
            guard let shard = stream.shards[given.shardIndex] else {
                if given.shardIndex < stream.nextShardIndex { return }
                throw orderingRefused(text, stream)
            }
            if shard.created == given.shardCreated, given.ordinal < shard.nextOrdinal,
                try await mayHaveArrived(given.ordinal, of: shard, in: stream, second: second)
            {
                return
            }
        }
        throw orderingRefused(text, stream)
    }

    /// Whether the record arrived in that second since the epoch. Of one that has been trimmed it is only known that none
    /// behind it arrived earlier.
    private func mayHaveArrived(
        _ ordinal: Int64, of shard: LocalShard, in stream: LocalStream, second: Int64
    ) async throws(ServiceFault) -> Bool {
        let address = StreamStore.Address(stream: stream.name, shard: shard.index)
        guard let stored = store.storedShard(address) else { return false }
        do throws(SQLiteError) {
            guard let first = try await store.firstRecord(stored, from: ordinal) else {
                return second <= max(shard.lastArrival, .now()).milliseconds / 1000
            }
            let arrival = first.arrival.milliseconds / 1000
            return first.ordinal == ordinal ? second == arrival : second <= arrival
        } catch {
            throw failed("read shard \(shard.id) of \(stream.name)", error)
        }
    }

    /// The service's words, with the name that it has for the member.
    private func orderingRefused(_ text: String, _ stream: LocalStream) -> ServiceFault {
        .invalidArgument(
            "ExclusiveMinimumSequenceNumber \(text) used in PutRecord on stream \(stream.name) under account "
                + "\(configuration.account) is invalid.")
    }

    /// `failing` is the share of the entries that a test has ordered to fail.
    func putRecords(_ given: RequestFields, _ body: ByteBuffer, failing: Double?) async throws(ServiceFault)
        -> ByteBuffer?
    {
        let request = try await PutRequest.read(
            body, given.format, isBatch: true, limits: recordLimits, loop: loop)
        let stream = try writableStream(request.fields)
        let outcomes = try await put(request, stream, failing: failing)
        withExtendedLifetime(body) {}
        var failed = 0
        var answer = request.fields.answer(capacity: 64 + outcomes.count * 120)
        answer.beginObject()
        answer.key("Records")
        answer.beginArray()
        for outcome in outcomes {
            answer.beginObject()
            write(outcome, stream, &answer)
            answer.endObject()
            if case .throttled = outcome { failed += 1 }
        }
        answer.endArray()
        answer.member("FailedRecordCount", failed)
        answer.member("EncryptionType", stream.encryptionType)
        answer.endObject()
        return answer.buffer
    }

    private func recordLimits(_ fields: RequestFields) throws(ServiceFault) -> RecordLimits {
        let stream = try writableStream(fields)
        return RecordLimits(bytes: stream.maxRecordBytes, isKeyNeeded: stream.distribution == .userPartitionKey)
    }

    private func writableStream(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        let stream = try stream(fields)
        guard stream.status == .active || stream.status == .updating else {
            throw .streamNotFound(stream.name, configuration.account)
        }
        return stream
    }

    /// Numbers the records, stores those that the limits admit, and says what became of each.
    private func put(
        _ request: PutRequest, _ stream: LocalStream, failing: Double?
    ) async throws(ServiceFault) -> [Outcome] {
        // From here to the store's queue nothing waits: records are queued in the order of their numbers.
        var current = try self.stream(named: stream.name)
        let entries = ByteBuffer(capacity: request.entries.reduce(0) { $0 + $1.storedCount })
        var rows: [StreamStore.NewRecord] = []
        var outcomes: [Outcome] = []
        rows.reserveCapacity(request.entries.count)
        outcomes.reserveCapacity(request.entries.count)
        let now = arrivalTime()
        for (position, entry) in request.entries.enumerated() {
            let index = current.shardIndex(of: entry.hashKey)
            let address = StreamStore.Address(stream: current.name, shard: index)
            let ordered = failing.map { Self.fails(position, of: request.entries.count, share: $0) } ?? false
            guard !ordered, admits(entry, address), let stored = store.storedShard(address) else {
                outcomes.append(.throttled(shard: index))
                continue
            }
            var place: (ordinal: Int64, arrival: WallTime) = (0, now)
            var created = now
            current.update(index) {
                place = $0.take(now: now)
                created = $0.created
            }
            let start = entries.count
            let number = LocalSequenceNumber(shardCreated: created, shardIndex: index, ordinal: place.ordinal)
            entry.write(number, at: place.arrival, encryption: current.encryptionKey, to: entries)
            rows.append(
                StreamStore.NewRecord(
                    row: stored.row(place.ordinal), arrival: place.arrival, bytes: entry.bytes,
                    entry: start..<entries.count))
            outcomes.append(
                .stored(shard: index, created: created, ordinal: place.ordinal, arrival: place.arrival))
        }
        replaceShards(of: current)
        try await commit(rows, entries, current, outcomes)
        return outcomes
    }

    private func commit(
        _ rows: [StreamStore.NewRecord], _ entries: ByteBuffer, _ stream: LocalStream, _ outcomes: [Outcome]
    ) async throws(ServiceFault) {
        guard !rows.isEmpty else { return }
        var failure: ServiceFault?
        do throws(SQLiteError) {
            try await store.append(rows, entries: entries)
        } catch {
            failure = failed("store records of \(stream.name)", error)
        }
        // Whether stored or lost, a closed shard's end need not wait for these ordinals any more.
        var settled: [Int: Int64] = [:]
        for case .stored(let shard, _, let ordinal, _) in outcomes { settled[shard] = ordinal + 1 }
        let isStored = failure == nil
        update(stream) { stream in
            for (shard, ordinal) in settled {
                stream.update(shard) {
                    $0.settledOrdinal = max($0.settledOrdinal, ordinal)
                    if isStored { $0.storedOrdinal = max($0.storedOrdinal, ordinal) }
                }
            }
        }
        for shard in settled.keys { subscriptions.changed(StreamStore.Address(stream: stream.name, shard: shard)) }
        if let failure { throw failure }
        await stored(rows, of: stream)
    }

    private func admits(_ entry: PutEntry, _ address: StreamStore.Address) -> Bool {
        guard configuration.limits else { return true }
        return throttle(address) { $0.admitWrite(bytes: entry.bytes, now: loop.now) }
    }

    /// Spreads the failing entries over the request: every other one for a share of a half.
    private static func fails(_ position: Int, of count: Int, share: Double) -> Bool {
        Int(Double(position + 1) * share) > Int(Double(position) * share)
    }

    private func write(_ outcome: Outcome, _ stream: LocalStream, _ answer: inout AnswerWriter) {
        switch outcome {
        case .stored(let shard, let created, let ordinal, let arrival):
            let number = LocalSequenceNumber(shardCreated: created, shardIndex: shard, ordinal: ordinal)
            answer.member("SequenceNumber", number.text(at: arrival))
            answer.member("ShardId", LocalShard.id(shard))
        case .throttled(let shard):
            let fault = ServiceFault.throughputExceeded(LocalShard.id(shard), stream.name, configuration.account)
            answer.member("ErrorCode", fault.code)
            answer.member("ErrorMessage", fault.message)
        }
    }
}
