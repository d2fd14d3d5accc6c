import Kinesis
import TestSupport
import Testing

@testable import Consumer

@Suite struct FanOutStateTests {
    private let start = ContinuousClock.now
    private let one = ConsumerARN("one")
    private let two = ConsumerARN("two")

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// So that calls that change the state can stand in an expectation.
    private final class Driven {
        var state = FanOutState()

        func use(_ way: ReadingWay, _ now: ContinuousClock.Instant) -> Bool { state.use(way, now: now) }
        func denied(_ now: ContinuousClock.Instant) -> Bool { state.denied("no right", now: now) }
        func check(_ now: ContinuousClock.Instant) -> ConsumerARN? { state.beginCheck(now: now) }
        func attempt(_ now: ContinuousClock.Instant) -> FanOutState.Try? { state.beginTry(now: now) }
    }

    @Test func `a consumer is looked for every 5 s at most, also soon after a fallback has ended`() {
        let driven = Driven()
        #expect(driven.use(.polling(insteadOf: "limit"), start))
        #expect(driven.check(start) == nil && driven.attempt(at(59)) == nil)
        #expect(driven.attempt(at(60)) == .obtain)
        #expect(driven.use(.fanOut(one), at(60)))
        #expect(driven.check(at(60)) == one)
        #expect(driven.check(at(64)) == nil && driven.check(at(65)) == one)
    }

    @Test func `the same reason in other words is no news, and puts the next try off`() {
        let driven = Driven()
        #expect(driven.use(.polling(insteadOf: "limit, request 1"), start))
        #expect(!driven.use(.polling(insteadOf: "limit, request 2"), at(60)))
        #expect(driven.attempt(at(119)) == nil && driven.attempt(at(120)) == .obtain)
    }

    @Test func `a consumer that may not subscribe is tried again itself`() {
        let driven = Driven()
        #expect(driven.use(.fanOut(one), start) && driven.denied(start))
        #expect(driven.state.way == .polling(insteadOf: "no right") && driven.attempt(at(60)) == .use(one))
        // The second shard says the same.
        #expect(!driven.denied(at(1)))
    }

    @Test func `that none can be had in place of one that is gone is said until there is one`() {
        let driven = Driven()
        _ = driven.use(.fanOut(one), start)
        driven.state.couldNotObtain("limit")
        #expect(driven.state.reading == .missing(one, problem: "limit", nextCheck: start))
        #expect(driven.check(at(1)) == one && driven.check(at(2)) == nil)
        #expect(driven.use(.fanOut(two), at(3)))
        #expect(driven.state.reading == .subscribed(two, nextCheck: at(3)))
    }

    /// Whatever comes in whatever order: what is read changes only where that is said, and no look or try comes early.
    @Test(arguments: 0..<50 as Range<UInt64>) func `facts in any order`(seed: UInt64) async {
        var random = SplitMix64(seed: seed)
        var (state, now, told) = (FanOutState(), start, ConsumerARN?.none)
        var (lastCheck, lastTry) = ([ConsumerARN: ContinuousClock.Instant](), ContinuousClock.Instant?.none)
        await takeSteps(500) {
            now += .milliseconds(Int.random(in: 1...9000, using: &random))
            let consumer = Bool.random(using: &random) ? one : two
            var isNews = false
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                isNews = state.use(.fanOut(consumer), now: now)
                if isNews { lastCheck = [:] }
            case 1: isNews = state.use(.polling(insteadOf: "limit"), now: now)
            case 2: isNews = state.denied("no right", now: now)
            case 3: state.couldNotObtain("limit")
            case 4:
                guard let gone = state.beginCheck(now: now) else { break }
                #expect(gone == state.way.consumer)
                lastCheck[gone].map { #expect(now - $0 >= FanOutState.checkPause) }
                lastCheck[gone] = now
            default:
                guard state.beginTry(now: now) != nil else { break }
                #expect(state.way.consumer == nil)
                lastTry.map { #expect(now - $0 >= FanOutState.fallbackPause) }
                lastTry = now
            }
            if !isNews { #expect(state.way.consumer == told) }
            told = state.way.consumer
        }
    }
}
