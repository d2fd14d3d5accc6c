import Kinesis
import TestSupport
import Testing

@testable import Consumer

/// The machine alone, with a clock that the test moves.
@Suite struct SubscriptionSourceTests {
    fileprivate typealias Instant = ContinuousClock.Instant

    private let start = ContinuousClock.now
    private static let key = SubscriptionPaces.Key(ConsumerARN("arn"), ShardID(number: 0))

    private func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    fileprivate static func number(_ value: Int) -> SequenceNumber { SequenceNumber(String(value))! }

    fileprivate static func source(seed: UInt64 = 1, now: Instant) -> SubscriptionSource {
        SubscriptionSource(
            key, settings: .init(ConsumerOptions(), callTimeout: .seconds(10)), seed: seed, now: now)
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
            #expect(driven.source.failures?.isDegradation != true)
            driven.pushed(turn == 2 ? .other : .nothing, at(turn * 20_000))
            driven.pushed(.end, at(turn * 20_000))
            _ = driven.next(at(turn * 20_000 + 10_000))
            driven.pushed(.began, at(turn * 20_000 + 10_000))
        }
        #expect(driven.source.failures?.failure == .fruitless && driven.source.failures?.isDegradation == true)
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

    /// A service that pushes numbers, ends subscriptions, breaks them, and says nothing more, while the reader and others take
    /// the credit and the room away; what comes late of earlier subscriptions comes too.
    @Test(arguments: 0..<200 as Range<UInt64>) func `whatever happens, every number comes once and in order`(
        seed: UInt64
    ) async {
        var walk = SubscriptionWalk(seed: seed, start: start)
        await takeSteps(2000) { walk.step() }
        walk.calm()
        #expect(walk.handedOver == Array(1...walk.handedOver.count), "seed \(seed)")
        #expect(walk.handedOver.count == walk.produced, "seed \(seed)")
        #expect(walk.faults == [], "seed \(seed)")
    }
}

private struct SubscriptionWalk {
    private var random: SplitMix64
    private var now: ContinuousClock.Instant
    private var source: SubscriptionSource
    private var paces = SubscriptionPaces()
    /// Numbers that are in the shard: 1 and so on.
    private(set) var produced = 0
    /// What has come to the reader.
    private(set) var handedOver: [Int] = []
    private(set) var faults: [String] = []
    /// The subscription that the service has: which one, what it sends next, and whether it has vanished.
    private var open: (generation: UInt64, next: Int, isSilent: Bool)?
    private var calledAt: ContinuousClock.Instant?
    private var begunAt: ContinuousClock.Instant?
    private var lastEventAt: ContinuousClock.Instant
    /// What of the event that is held is to be handed over.
    private var held: [Int] = []
    private var heldUpTo = 0
    private var isCalm = false

    init(seed: UInt64, start: ContinuousClock.Instant) {
        random = SplitMix64(seed: seed)
        now = start
        lastEventAt = start
        source = SubscriptionSourceTests.source(seed: seed, now: start)
    }

    private mutating func chance(_ percent: Int) -> Bool {
        !isCalm && Int.random(in: 0..<100, using: &random) < percent
    }

    private var position: StartingPosition {
        handedOver.last.map { .afterSequenceNumber(SubscriptionSourceTests.number($0)) } ?? .trimHorizon
    }

    /// Nothing is disturbed any more.
    mutating func calm() {
        isCalm = true
        if open?.isSilent ?? false { open = nil }
        for _ in 0..<5000 where handedOver.count < produced { step() }
    }

    mutating func step() {
        now += .milliseconds(Int.random(in: 1...200, using: &random))
        if chance(30) { produced += Int.random(in: 1...3, using: &random) }
        disturb()
        switch source.next(now: now, credit: isCalm || !chance(30), position: position, paces: &paces) {
        case .subscribe(let position, let generation): subscribe(position, generation)
        case .receive(let generation): receive(generation)
        case .takePermit(let bytes, _): if !chance(20) { source.received(.permit(room: bytes), now: now) }
        case .encode: encode()
        case .wait, .askIterator, .getRecords, .announceEnd, .end:
            // A permit that was not there at once.
            if case .takingPermit(let bytes) = source.state { source.received(.permit(room: bytes), now: now) }
            if let open, !open.isSilent { source.received(.pushed(.news, generation: open.generation), now: now) }
        }
    }

    private mutating func disturb() {
        if chance(2) {
            source.restart(now: now)
            held = []
        }
        if chance(2) { source.yield() }
        if chance(2), open != nil { open?.isSilent = true }
        // Late news of an earlier subscription.
        if chance(10), source.generation > 1 {
            let old = UInt64.random(in: 1..<source.generation, using: &random)
            let pushed = [SubscriptionSource.Pushed.began, .end, .news, .nothing, .other, .arriving(bytes: 1)]
            source.received(.pushed(pushed.randomElement(using: &random)!, generation: old), now: now)
        }
    }

    private mutating func subscribe(_ position: StartingPosition, _ generation: UInt64) {
        if let calledAt, now < calledAt + .seconds(1) { faults.append("two calls within a second") }
        if let begunAt, now < begunAt + .seconds(5) { faults.append("a call within 5 s of a subscription") }
        calledAt = now
        if chance(20) {
            let failures: [ReadFailure] = [.inUse, .throttled, .unreachable, .denied]
            _ = source.failed(failures.randomElement(using: &random)!, now: now)
            return
        }
        begunAt = now
        let next: Int =
            if case .afterSequenceNumber(let number) = position { Int(number.text)! + 1 } else { 1 }
        open = (generation, next, false)
        source.received(.pushed(.began, generation: generation), now: now)
    }

    private mutating func receive(_ generation: UInt64) {
        guard let open, open.generation == generation, !open.isSilent else {
            return source.received(.pushed(.nothing, generation: generation), now: now)
        }
        if chance(3) {
            self.open = nil
            if chance(50) {
                _ = source.failed(.passing, now: now)
            } else {
                source.received(.pushed(.end, generation: generation), now: now)
            }
            return
        }
        guard source.isReading else {
            let isAny = open.next <= produced || chance(10)
            return source.received(.pushed(isAny ? .arriving(bytes: 100) : .nothing, generation: generation), now: now)
        }
        if open.next == 1, chance(20) { return source.received(.pushed(.other, generation: generation), now: now) }
        held = Array(open.next..<max(open.next, produced + 1))
        self.open?.next = max(open.next, produced + 1)
        heldUpTo = max(open.next - 1, produced)
        source.received(.response(bytes: 100), now: now)
    }

    /// One record at a time, so that a restart finds an event half handed over.
    private mutating func encode() {
        if let number = held.first {
            held.removeFirst()
            handedOver.append(number)
            source.received(.slice(records: 1), now: now)
            if chance(50) { return }
        }
        guard held.isEmpty else { return }
        let continuation = SubscriptionSourceTests.number(heldUpTo)
        source.received(.responseEnd(GetRecordsEnvelope(next: .continuation(continuation))), now: now)
    }
}
