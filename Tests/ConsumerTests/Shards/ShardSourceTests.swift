import Kinesis
import TestSupport
import Testing

@testable import Consumer

/// A shard that is pushed, and asked for records while it may not be subscribed to.
@Suite struct ShardSourceTests {
    private let start = ContinuousClock.now
    private let shard = ReadPaces.Key(stream: StreamName("orders")!, shard: ShardID(number: 0))

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func fail(_ text: Comment) { Issue.record(text) }

    /// A source and the paces, with the position that its shard has.
    private final class Driven {
        var source: ShardSource
        var paces = ReadPaces()
        var position = StartingPosition.trimHorizon

        init(source: SubscriptionSource) { self.source = .subscription(source) }

        func next(_ now: ContinuousClock.Instant, credit: Bool = true) -> ShardStep {
            source.next(now: now, credit: credit, position: position, paces: &paces)
        }
    }

    /// Its subscription, of the start, is of no use: the position is another one.
    private func moved(_ milliseconds: Int) -> Driven {
        let driven = Driven(source: SubscriptionSourceTests.source(now: start))
        #expect(driven.next(start) == .subscribe(.trimHorizon, generation: 1))
        driven.source.received(.pushed(.began, generation: 1), now: start)
        driven.source.restart(now: at(milliseconds))
        driven.position = .afterSequenceNumber(SequenceNumber(3))
        return driven
    }

    @Test func `records are asked for until the shard may be subscribed to again, which then begins where they end`() {
        let driven = moved(1000)
        #expect(driven.next(at(1000), credit: false) == .wait(until: nil), "nobody wants anything")
        #expect(driven.next(at(1000)) == .askIterator(driven.position))
        driven.source.received(.iterator(ShardIterator("one")), now: at(1100))
        guard case .takePermit(let bytes, _) = driven.next(at(1100)) else { return fail("no room is asked for") }
        driven.source.received(.permit(room: bytes), now: at(1100))
        guard case .getRecords = driven.next(at(1100)) else { return fail("nothing is asked for") }
        driven.source.received(.response(bytes: 100), now: at(1200))
        #expect(driven.next(at(1200)) == .encode)
        driven.source.received(.responseEnd(GetRecordsEnvelope(next: .iterator(ShardIterator("two")))), now: at(1300))
        driven.position = .afterSequenceNumber(SequenceNumber(9))
        #expect(driven.next(at(4900), credit: false) == .wait(until: nil))
        #expect(driven.next(at(5100)) == .subscribe(driven.position, generation: 2))
        driven.source.received(.pushed(.began, generation: 2), now: at(5200))
        #expect(driven.source.subscription == 2 && driven.source.lastProgress == at(5200))
    }

    @Test func `a call that is under way is heard first, and a wait ends when the shard may be subscribed to`() {
        let driven = moved(1000)
        #expect(driven.next(at(1000)) == .askIterator(driven.position))
        #expect(driven.next(at(6000)) == .wait(until: nil))
        driven.source.received(.iterator(ShardIterator("one")), now: at(6000))
        #expect(driven.next(at(6000)) == .subscribe(driven.position, generation: 2))

        let waiting = moved(1000)
        #expect(waiting.next(at(1000)) == .askIterator(waiting.position))
        let isConcern = waiting.source.failed(.denied, now: at(4000))
        #expect(!isConcern && waiting.source.failures?.failure == .denied)
        #expect(waiting.next(at(4000)) == .wait(until: at(5100)))
        #expect(waiting.next(at(5100)) == .subscribe(waiting.position, generation: 2))
        #expect(waiting.source.failures == nil)
    }

    @Test func `a short pause is waited for, and so is what would fail as well`() {
        let soon = moved(4700)
        #expect(soon.next(at(4700)) == .wait(until: at(5100)))
        for failure in [ReadFailure.denied, .unreachable, .throttled, .notFound] {
            let driven = moved(1000)
            driven.source = .subscription(SubscriptionSourceTests.source(now: start))
            guard case .subscribe = driven.next(at(6000)) else { return fail("it is not subscribed to") }
            let isConcern = driven.source.failed(failure, now: at(6100))
            guard isConcern, case .wait(_?) = driven.next(at(6100)) else { return fail("it does not wait: \(failure)") }
        }
    }

    @Test func `a subscription that ends behind a number of its own is renewed there`() {
        let driven = Driven(source: SubscriptionSourceTests.source(now: start))
        guard case .subscribe = driven.next(start) else { return fail("it is not subscribed to") }
        driven.source.received(.pushed(.began, generation: 1), now: start)
        driven.source.received(.pushed(.arriving(bytes: 9), generation: 1), now: start)
        _ = driven.next(start)
        driven.source.received(.permit(room: 9), now: start)
        driven.source.received(.response(bytes: 9), now: start)
        let further = GetRecordsEnvelope.Next.continuation(SequenceNumber(7))
        driven.source.received(.responseEnd(GetRecordsEnvelope(next: further)), now: start)
        driven.source.received(.pushed(.end, generation: 1), now: at(1000))
        #expect(driven.next(at(1000)) == .wait(until: at(5100)))
        #expect(driven.next(at(5100)) == .subscribe(.afterSequenceNumber(SequenceNumber(7)), generation: 2))
    }

    @Test func `while another process's subscription is in the way, records are asked for`() {
        let driven = Driven(source: SubscriptionSourceTests.source(now: start))
        #expect(driven.next(start) == .subscribe(.trimHorizon, generation: 1))
        let isConcern = driven.source.failed(.inUse, now: start)
        #expect(isConcern)
        #expect(driven.next(start) == .askIterator(.trimHorizon) && driven.source.lastProgress == start)
        // Polls get on, whatever subscriptions do.
        driven.source.received(.iterator(ShardIterator("one")), now: at(100))
        #expect(driven.source.failures == nil && driven.source.lastProgress == at(100))
    }

    @Test func `what subscriptions have come to stays the shard's failure while records are asked for`() {
        let driven = Driven(source: SubscriptionSourceTests.source(now: start))
        var now = start
        while driven.source.degradation == nil, now < at(100_000) {
            now += .milliseconds(100)
            switch driven.next(now) {
            case .subscribe: _ = driven.source.failed(.inUse, now: now)
            case .askIterator: _ = driven.source.failed(.denied, now: now)
            default: break
            }
        }
        #expect(driven.source.degradation == .inUse)
        #expect(driven.next(now) == .askIterator(.trimHorizon))
        #expect(driven.source.failures == nil && driven.source.degradation == .inUse)
    }

    /// A service that pushes numbers, ends subscriptions, breaks them, and says nothing more, while the reader and others take
    /// the credit and the room away; what comes late of earlier subscriptions comes too.
    @Test(arguments: 0..<200 as Range<UInt64>) func `whatever happens, every number comes once and in order`(
        seed: UInt64
    ) async {
        var walk = SourceWalk(seed: seed, start: start)
        await takeSteps(2000) { walk.step() }
        walk.calm()
        #expect(walk.handedOver == Array(1...walk.handedOver.count), "seed \(seed)")
        #expect(walk.handedOver.count == walk.produced, "seed \(seed)")
        #expect(walk.faults == [], "seed \(seed)")
    }
}

private struct SourceWalk {
    private var random: SplitMix64
    private var now: ContinuousClock.Instant
    private var source: ShardSource
    private var paces = ReadPaces()
    /// The highest number of a subscription.
    private var generation: UInt64 = 0
    /// The room that was asked for and not given.
    private var wanted: Int?
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
        source = .subscription(SubscriptionSourceTests.source(seed: seed, now: start))
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
        case .takePermit(let bytes, _): if chance(20) { wanted = bytes } else { give(bytes) }
        case .encode: encode()
        case .askIterator(let position): askIterator(position)
        case .getRecords(let iterator, _): getRecords(iterator)
        case .wait, .announceEnd, .end:
            // A permit that was not there at once.
            if let wanted, source.waiting == .forRoom { give(wanted) }
            if let open, !open.isSilent { source.received(.pushed(.news, generation: open.generation), now: now) }
        }
    }

    private mutating func disturb() {
        if chance(2) {
            source.restart(now: now)
            held = []
        }
        if chance(2) { source.yield(now: now, paces: &paces) }
        if chance(2), open != nil { open?.isSilent = true }
        // Late news of an earlier subscription.
        if chance(10), generation > 1 {
            let old = UInt64.random(in: 1..<generation, using: &random)
            let pushed = [SubscriptionSource.Pushed.began, .end, .news, .nothing, .other, .arriving(bytes: 1)]
            source.received(.pushed(pushed.randomElement(using: &random)!, generation: old), now: now)
        }
    }

    private mutating func subscribe(_ position: StartingPosition, _ generation: UInt64) {
        if let calledAt, now < calledAt + .seconds(1) { faults.append("two calls within a second") }
        if let begunAt, now < begunAt + .seconds(5) { faults.append("a call within 5 s of a subscription") }
        calledAt = now
        self.generation = generation
        if chance(20) {
            let failures: [ReadFailure] = [.inUse, .throttled, .unreachable, .denied]
            _ = source.failed(failures.randomElement(using: &random)!, now: now)
            return
        }
        begunAt = now
        open = (generation, next(behind: position), false)
        source.received(.pushed(.began, generation: generation), now: now)
    }

    private func next(behind position: StartingPosition) -> Int {
        if case .afterSequenceNumber(let number) = position { Int(number.text)! + 1 } else { 1 }
    }

    private mutating func give(_ room: Int) {
        wanted = nil
        source.received(.permit(room: room), now: now)
    }

    private mutating func askIterator(_ position: StartingPosition) {
        if source.subscription != nil { faults.append("polled beside a subscription") }
        if chance(20) { return fail() }
        source.received(.iterator(ShardIterator("\(next(behind: position))")), now: now)
    }

    private mutating func getRecords(_ iterator: ShardIterator) {
        if chance(20) { return fail() }
        let next = Int(iterator.token)!
        held = Array(next..<max(next, produced + 1))
        heldUpTo = max(next - 1, produced)
        source.received(.response(bytes: 100), now: now)
    }

    /// A call that only bridges a pause.
    private mutating func fail() {
        let failures: [ReadFailure] = [.throttled, .denied, .expiredIterator, .refused, .passing]
        if source.failed(failures.randomElement(using: &random)!, now: now) {
            faults.append("a poll's failure is a concern")
        }
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
        let next: GetRecordsEnvelope.Next =
            source.subscription == nil
            ? .iterator(ShardIterator("\(heldUpTo + 1)")) : .continuation(SubscriptionSourceTests.number(heldUpTo))
        source.received(.responseEnd(GetRecordsEnvelope(next: next)), now: now)
    }
}
