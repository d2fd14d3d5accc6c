import Kinesis
import TestSupport
import Testing

@testable import Consumer

/// The machine alone, with a clock that the test moves.
@Suite struct SubscriptionSourceTests {
    private typealias Instant = ContinuousClock.Instant

    private let start = ContinuousClock.now
    private static let key = SubscriptionPaces.Key(ConsumerARN("arn"), ShardID(number: 0))

    private func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    static func number(_ value: Int) -> SequenceNumber { SequenceNumber(String(value))! }

    static func source(seed: UInt64 = 1, now: ContinuousClock.Instant) -> SubscriptionSource {
        SubscriptionSource(
            key, of: StreamName("orders")!,
            settings: .init(
                ConsumerOptions(), callTimeout: .seconds(10),
                polling: .init(ConsumerOptions(), callTimeout: .seconds(30))),
            seed: seed, now: now)
    }

    /// A source and the paces, with the position that its shard has.
    private final class Driven {
        var source: SubscriptionSource
        var paces = SubscriptionPaces()
        var position = StartingPosition.trimHorizon

        init(source: SubscriptionSource) { self.source = source }

        func next(_ now: Instant, credit: Bool = true) -> ShardStep {
            source.next(now: now, credit: credit, position: position, paces: &paces)
        }

        func pushed(_ pushed: SubscriptionSource.Pushed, _ now: Instant, generation: UInt64? = nil) {
            source.received(.pushed(pushed, generation: generation ?? source.generation), now: now)
        }

        /// An event of so many bytes comes and is used up.
        func event(_ next: GetRecordsEnvelope.Next?, _ now: Instant) {
            pushed(.news, now)
            pushed(.arriving(bytes: 500), now)
            _ = self.next(now)
            source.received(.permit(room: 500), now: now)
            source.received(.response(bytes: 500), now: now)
            source.received(.responseEnd(GetRecordsEnvelope(next: next)), now: now)
        }
    }

    private func subscribed() -> Driven {
        let driven = Driven(source: Self.source(now: start))
        #expect(driven.next(start) == .subscribe(.trimHorizon, generation: 1))
        driven.pushed(.began, start)
        return driven
    }

    @Test func `an event is received once the reader wants it and there is room`() {
        let driven = subscribed()
        #expect(driven.next(start) == .receive(generation: 1))
        driven.pushed(.arriving(bytes: 700), at(10))
        #expect(driven.next(at(10), credit: false) == .wait(until: nil))
        #expect(driven.source.waiting == .forCredit)
        #expect(driven.next(at(20)) == .takePermit(bytes: 700, least: 700))
        #expect(driven.source.waiting == .forRoom)
        driven.source.received(.permit(room: 700), now: at(30))
        #expect(driven.source.isReading)
        #expect(driven.next(at(30)) == .receive(generation: 1))
        driven.source.received(.response(bytes: 690), now: at(40))
        #expect(driven.next(at(40), credit: false) == .wait(until: nil))
        #expect(driven.next(at(40)) == .encode)
    }

    @Test func `our own back-pressure is no silence`() {
        let driven = subscribed()
        driven.pushed(.arriving(bytes: 700), at(10))
        for minute in 1...10 { #expect(driven.next(at(minute * 60_000), credit: false) == .wait(until: nil)) }
        #expect(driven.source.isSubscribed)
    }

    @Test func `a subscription that says nothing is replaced behind the last event`() {
        let driven = subscribed()
        driven.event(.continuation(Self.number(7)), at(100))
        driven.pushed(.nothing, at(100))
        #expect(driven.next(at(100)) == .wait(until: at(10_100)))
        #expect(driven.next(at(10_100)) == .subscribe(.afterSequenceNumber(Self.number(7)), generation: 2))
        #expect(driven.source.lastEnding == .silence)
    }

    @Test func `half of an event is silence too`() {
        let driven = subscribed()
        driven.pushed(.arriving(bytes: 700), at(10))
        _ = driven.next(at(10))
        driven.source.received(.permit(room: 700), now: at(20))
        driven.pushed(.nothing, at(30))
        #expect(driven.next(at(40)) == .wait(until: at(10_020)))
        #expect(driven.next(at(10_020)) == .subscribe(.trimHorizon, generation: 2))
    }

    @Test func `the subscription's end is followed by the next one at once, where it lasted`() {
        let driven = subscribed()
        driven.event(.continuation(Self.number(7)), at(100))
        driven.pushed(.end, at(300_000))
        #expect(driven.next(at(300_000)) == .subscribe(.afterSequenceNumber(Self.number(7)), generation: 2))
        #expect(driven.source.lastEnding == .ended)
    }

    @Test func `no call comes within 5 s of one that began a subscription, nor within 1 s of any`() {
        let driven = subscribed()
        driven.pushed(.end, at(200))
        #expect(driven.next(at(200)) == .wait(until: at(5100)))
        #expect(driven.next(at(5100)) == .subscribe(.trimHorizon, generation: 2))
        let hasFailed = driven.source.failed(.throttled, now: at(5200))
        #expect(hasFailed)
        guard case .wait(let until?) = driven.next(at(5200)) else { return #expect(Bool(false)) }
        #expect(until >= at(6100))
    }

    @Test func `subscriptions that bring nothing, not even an empty event, are a failure of the shard until one does`()
    {
        let driven = subscribed()
        for turn in 1...3 {
            #expect(driven.source.failures?.degradation == nil)
            driven.pushed(turn == 2 ? .other : .nothing, at(turn * 20_000))
            driven.pushed(.end, at(turn * 20_000))
            _ = driven.next(at(turn * 20_000 + 10_000))
            driven.pushed(.began, at(turn * 20_000 + 10_000))
        }
        #expect(driven.source.failures?.degradation == .fruitless)
        driven.event(.continuation(Self.number(7)), at(100_000))
        driven.pushed(.end, at(400_000))
        #expect(driven.source.failures == nil)
    }

    @Test func `what comes of an earlier subscription changes nothing`() {
        let driven = subscribed()
        driven.source.restart(now: at(10))
        _ = driven.next(at(6000))
        driven.pushed(.began, at(6000))
        let state = driven.source.state
        for pushed in [SubscriptionSource.Pushed.end, .arriving(bytes: 9), .nothing, .news, .other, .began] {
            driven.pushed(pushed, at(6001), generation: 1)
        }
        #expect(driven.source.state == state && driven.source.generation == 2)
    }

    @Test func `behind a restart the shard's position counts, not the last event`() {
        let driven = subscribed()
        driven.event(.continuation(Self.number(7)), at(100))
        driven.source.restart(now: at(200))
        driven.position = .afterSequenceNumber(Self.number(3))
        #expect(driven.next(at(5100)) == .subscribe(.afterSequenceNumber(Self.number(3)), generation: 2))
    }

    @Test func `an event without a continuation is the shard's end`() {
        let driven = subscribed()
        driven.event(nil, at(100))
        #expect(driven.source.state == .finished)
        #expect(driven.next(at(1_000_000)) == .wait(until: nil))
    }

    @Test func `a number that the service refuses is given up for the shard's position`() {
        let driven = subscribed()
        driven.event(.continuation(Self.number(7)), at(100))
        driven.pushed(.end, at(300_000))
        _ = driven.next(at(300_000))
        let hasFailed = driven.source.failed(.refused, now: at(300_100))
        #expect(hasFailed)
        #expect(driven.next(at(400_000)) == .subscribe(.trimHorizon, generation: 3))
    }
}
