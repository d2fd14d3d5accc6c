import Testing

@testable import Consumer

@Suite struct ShardWatchdogTests {
    private let start = ContinuousClock.now

    private func sight(
        progress: Int = 0, deadline: Int? = nil, isHeldBack: Bool = false
    ) -> ShardWatchdog.Sight {
        ShardWatchdog.Sight(
            lastProgress: start + .seconds(progress), deadline: deadline.map { start + .seconds($0) },
            isHeldBack: isHeldBack, activity: "reading")
    }

    /// Looks every second; returns when the shard is restarted.
    private func restarts(until end: Int, _ sight: (Int) -> ShardWatchdog.Sight) -> [Int] {
        var watchdog = ShardWatchdog(now: start)
        return (0...end).filter { watchdog.look(sight($0), now: start + .seconds($0)) != nil }
    }

    @Test func `a shard that gets nowhere is restarted after the patience, and once more after another`() {
        #expect(restarts(until: 80) { _ in sight() } == [36, 72])
    }

    @Test func `progress, empty answers too, keeps it quiet`() {
        #expect(restarts(until: 500) { sight(progress: $0 / 30 * 30) } == [])
    }

    @Test func `its own deadline is waited for first: a back-off, a slow answer within its time-out`() {
        #expect(restarts(until: 100) { _ in sight(deadline: 60) } == [96])
    }

    @Test func `a shard whose every call fails is left to its back-off`() {
        #expect(restarts(until: 1000) { sight(deadline: ($0 / 60 + 1) * 60) } == [])
    }

    @Test func `the time in which a reader takes nothing is not counted`() {
        #expect(restarts(until: 360) { sight(isHeldBack: $0 < 300) } == [335])
    }

    @Test func `a verdict says what the shard was at and since when it is overdue`() {
        var watchdog = ShardWatchdog(now: start)
        let verdict = watchdog.look(sight(), now: start + .seconds(50))
        #expect(verdict == ShardWatchdog.Verdict(activity: "reading", overdue: .seconds(50)))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a walk: no restart while there was cause to wait, and never a stop without one`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var watchdog = ShardWatchdog(now: start)
        var now = start
        var progress = start
        var deadline: ContinuousClock.Instant?
        var cause = start
        for _ in 0..<2000 {
            now += .milliseconds(Int.random(in: 1...5000, using: &random))
            let isHeldBack = Int.random(in: 0..<30, using: &random) == 0
            if Int.random(in: 0..<20, using: &random) == 0 { progress = now }
            if Int.random(in: 0..<20, using: &random) == 0 {
                deadline = now + .seconds(Int.random(in: 0...60, using: &random))
            }
            cause = max(cause, progress, deadline ?? cause, isHeldBack ? now : cause)
            let sight = ShardWatchdog.Sight(
                lastProgress: progress, deadline: deadline, isHeldBack: isHeldBack, activity: "")
            let verdict = watchdog.look(sight, now: now)
            #expect((verdict != nil) == (now > cause + ShardWatchdog.patience))
            if verdict != nil { cause = now }
        }
    }
}
