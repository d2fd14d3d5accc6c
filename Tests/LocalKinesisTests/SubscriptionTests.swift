import AWS
import Bytes
import Testing
import Time

@testable import LocalKinesis

/// Who is subscribed to a shard, and what tests may do to events.
@Suite struct SubscriptionTests {
    private let start = ContinuousClock.now

    @Test func `a call takes over five seconds after the last success, not before, and no failure extends that`() {
        var turns = SubscriptionTurns()
        #expect(turns.call(1, now: start, limits: true) == .accepted)
        for milliseconds in [0, 2000, 4999] {
            #expect(turns.call(2, now: start + .milliseconds(milliseconds), limits: true) == .inUse)
        }
        #expect(turns.current == 1)
        #expect(turns.call(3, now: start + .milliseconds(5000), limits: true) == .limitExceeded)
        #expect(turns.call(4, now: start + .milliseconds(6000), limits: true) == .accepted)
        #expect(turns.current == 4)
        #expect(!turns.isForgotten(now: start + .seconds(10)) && turns.isForgotten(now: start + .seconds(11)))
    }

    @Test func `an ARN names the consumer's stream, name and second, and nothing else is one`() {
        let consumer = StreamConsumer(name: "a.b-c", created: WallTime(milliseconds: 1_700_000_000_000))
        let text = consumer.arn(of: "arn:aws:kinesis:us-east-1:000000000000:stream/orders")
        #expect(text == "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/a.b-c:1700000000")
        #expect(ConsumerARN(text) == ConsumerARN(consumer, of: "orders"))
        for wrong in ["", "arn:aws:kinesis:us-east-1:0:stream/orders", text + ":1", String(text.dropLast(11))] {
            #expect(ConsumerARN(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `a consumer that is registered again in the same second is another one`() {
        var stream = LocalStream(name: "s", shardCount: 1, mode: .provisioned, created: WallTime(milliseconds: 0))
        let now = WallTime(milliseconds: 1_700_000_000_500)
        let first = stream.addConsumer("c", now: now)
        stream.removeConsumer(first)
        let second = stream.addConsumer("c", now: now)
        #expect(second.created.milliseconds == first.created.milliseconds + 1000)
        stream.removeConsumer(first)
        #expect(stream.consumers["c"] == second, "what is late for the first does nothing to the second")
    }

    private func faults(_ kinds: FaultPlan.Kind..., events: Int = 1) -> FrameFaults {
        FrameFaults(kinds.map { FaultPlan.Fault(kind: $0, events: events) })
    }

    private let message = EventStreamMessage(headers: ["a": .string("b")], payload: ByteBuffer("payload"))

    private var frame: ByteBuffer {
        let frame = ByteBuffer()
        message.write(to: frame)
        return frame
    }

    @Test func `frames are as they are without faults, and before a fault is due`() {
        var none = faults()
        #expect(none.next(message) == .write([frame]))
        var later = faults(.cutFrame, events: 2)
        #expect(later.next(message) == .write([frame]))
        #expect(later.next(message) == .write([frame]))
        #expect(later.next(message) == .cut([ByteBuffer(frame.array.prefix(frame.count / 2))]))
    }

    @Test func `each fault does what it says`() throws {
        func action(_ kind: FaultPlan.Kind) -> FrameFaults.Action {
            var faults = faults(kind, events: 0)
            return faults.next(message)
        }
        #expect(action(.silence) == .fallSilent)
        #expect(action(.endEarly) == .end([]))
        #expect(action(.splitFrames) == .write(frame.array.map { ByteBuffer([$0]) }))
        guard case .write(let wrong) = action(.badChecksum), case .end(let exception) = action(.exception) else {
            Issue.record("another action")
            return
        }
        var decoder = EventStreamDecoder()
        var input = wrong[0].bytes
        #expect(throws: EventStreamError.messageChecksum) { try decoder.next(&input) }
        decoder = EventStreamDecoder()
        input = exception[0].bytes
        #expect(try decoder.next(&input)?.text(":exception-type") == "InternalFailureException")
    }
}
