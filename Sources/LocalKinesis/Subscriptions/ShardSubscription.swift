import AWS
import Bytes
import Kinesis
import Reactor
import SQLite
import Time

/// One SubscribeToShard that was accepted: the messages of its response, one after the other. Confined to its loop.
///
/// It ends with an exception where another call takes over, or the consumer or its stream goes; in order at the shard's end,
/// and after five minutes.
final class ShardSubscription: @unchecked Sendable {
    private enum Phase {
        case opening, reading, over
    }

    /// Source: SubscribeToShard in the service's API reference.
    static let lifetime = Duration.seconds(300)
    /// What a client hears at least, where nothing happens.
    static let heartbeat = Duration.seconds(5)
    /// Data and keys of one event's records, in bytes: about as many.
    private static let mostEventBytes = 1 << 20
    private static let mostEventRecords = 10_000

    let key: Subscriptions.Key
    private let number: Int
    private let service: KinesisService
    private let streamCreated: WallTime
    private let end: EventLoop.Instant
    private let news: Gate
    private var phase = Phase.opening
    /// Of the next record.
    private var ordinal: Int64
    /// Of the last one that was sent, or that is passed over.
    private var continuation: String
    private var bytesPerSecond = Allowance(rate: ShardThrottle.readBytesPerSecond)

    init(
        _ key: Subscriptions.Key, number: Int, _ service: KinesisService, _ stream: LocalStream, _ shard: LocalShard,
        from ordinal: Int64
    ) {
        self.key = key
        self.number = number
        self.service = service
        self.ordinal = ordinal
        streamCreated = stream.created
        end = service.loop.now + Self.lifetime
        news = Gate(loop: service.loop)
        continuation = shard.sequenceNumber(
            max(0, ordinal - 1), at: ordinal == shard.nextOrdinal ? shard.lastArrival : shard.created)
        service.subscriptions.began(self)
    }

    /// There may be something new.
    func wake() { news.open() }

    /// Nobody listens any more.
    func close() {
        phase = .over
        news.open()
        service.subscriptions.ended(self)
    }

    /// The next message; nil: the response ends.
    func next() async -> EventStreamMessage? {
        switch phase {
        case .over: return nil
        case .opening:
            phase = .reading
            return .event("initial-response", ByteBuffer("{}"))
        case .reading: break
        }
        let beat = service.loop.now + Self.heartbeat
        do throws(ServiceFault) {
            while case .reading = phase {
                let now = service.loop.now
                guard now < end else { break }
                let (stream, shard) = try place()
                let throttledUntil = service.configuration.limits ? bytesPerSecond.positive(from: now) : now
                if throttledUntil <= now {
                    let begin = ordinal
                    if let event = try await read(stream, shard) { return event }
                    // Meanwhile there may have been news that nobody waited for.
                    if ordinal > begin { continue }
                }
                if now >= beat { return event(of: []) }
                let next = min(beat, end)
                try? await news.wait(until: throttledUntil > now ? min(next, throttledUntil) : next)
            }
        } catch {
            close()
            return .exception(error)
        }
        close()
        return nil
    }

    /// The stream and shard as they are now.
    private func place() throws(ServiceFault) -> (LocalStream, LocalShard) {
        guard service.subscriptions.hasTurn(number, key) else {
            throw .resourceInUse("Another active subscription exists for this consumer and shard.")
        }
        guard let stream = service.find(key.consumer.stream), stream.created == streamCreated,
            stream.status != .deleting, let shard = stream.shards[key.shard]
        else {
            throw .streamNotFound(key.consumer.stream, service.configuration.account)
        }
        guard let consumer = stream.consumers[key.consumer.name],
            ConsumerARN(consumer, of: stream.name) == key.consumer,
            consumer.status != .deleting
        else { throw .notFound("Consumer \(key.consumer.name) of stream \(stream.name) not found.") }
        return (stream, shard)
    }

    /// An event with what is there, or with the shard's end; nil where there is neither yet.
    private func read(_ stream: LocalStream, _ shard: LocalShard) async throws(ServiceFault) -> EventStreamMessage? {
        guard ordinal < shard.storedOrdinal, let stored = service.store.storedShard(key.address) else {
            guard shard.isReadOut(at: ordinal) else { return nil }
            phase = .over
            service.subscriptions.ended(self)
            return event(of: stream.children(of: shard.index), isLast: true)
        }
        var answer = Self.begun()
        answer.beginArray()
        let slice: StreamStore.Slice
        service.loop.outsideWorkBegan()
        defer { service.loop.outsideWorkEnded() }
        do throws(SQLiteError) {
            slice = try await service.store.read(
                stored, from: ordinal, below: shard.storedOrdinal, limit: Self.mostEventRecords,
                maxBytes: Self.mostEventBytes, into: answer)
        } catch {
            throw service.failed("read shard \(shard.id) of \(stream.name)", error)
        }
        guard slice.count > 0 else {
            // Those records have been trimmed, or were never stored.
            ordinal = slice.readTo
            return nil
        }
        ordinal = slice.lastOrdinal + 1
        continuation = shard.sequenceNumber(slice.lastOrdinal, at: slice.lastArrival)
        if service.configuration.limits { bytesPerSecond.spend(slice.bytes, service.loop.now) }
        answer = slice.answer
        answer.endArray()
        let behind = ordinal >= slice.readTo ? 0 : WallTime.now().milliseconds - slice.lastArrival.milliseconds
        answer.member("ContinuationSequenceNumber", continuation)
        answer.member("MillisBehindLatest", max(0, Int(behind)))
        answer.endObject()
        return .event("SubscribeToShardEvent", answer.buffer)
    }

    private static func begun() -> AnswerWriter {
        var answer = AnswerWriter(.json, capacity: 1024)
        answer.beginObject()
        answer.key("Records")
        return answer
    }

    /// One without records.
    private func event(of children: [LocalShard], isLast: Bool = false) -> EventStreamMessage {
        var answer = Self.begun()
        answer.beginArray()
        answer.endArray()
        answer.member("MillisBehindLatest", 0)
        if isLast {
            answer.key("ChildShards")
            answer.beginArray()
            for child in children { child.writeAsChild(&answer) }
            answer.endArray()
        } else {
            answer.member("ContinuationSequenceNumber", continuation)
        }
        answer.endObject()
        return .event("SubscribeToShardEvent", answer.buffer)
    }
}

extension EventStreamMessage {
    private static let json = Value.string("application/x-amz-json-1.1")

    fileprivate static func event(_ type: String, _ payload: ByteBuffer) -> EventStreamMessage {
        EventStreamMessage(
            headers: [":message-type": .string("event"), ":event-type": .string(type), ":content-type": json],
            payload: payload)
    }

    /// A fault that comes in the middle of a response.
    static func exception(_ fault: ServiceFault) -> EventStreamMessage {
        var answer = AnswerWriter(.json)
        answer.beginObject()
        answer.member("message", fault.message)
        answer.endObject()
        return EventStreamMessage(
            headers: [
                ":message-type": .string("exception"), ":exception-type": .string(fault.code), ":content-type": json,
            ], payload: answer.buffer)
    }
}
