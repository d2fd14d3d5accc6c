import TestSupport
import Testing

@testable import Reactor

@Suite struct LineRateTests {
    private typealias Told = LineRate.Told
    private let start = ContinuousClock.now

    private func line(_ number: Int) -> [UInt8] { Array("\(number)".utf8) }

    @Test func `a burst is told, then so many a second, with the number of those lost between`() {
        var rate = LineRate(perSecond: 10, burst: 3)
        let burst = (0..<10).map { rate.tell(line($0), now: start) }
        #expect(burst == (0..<3).map { Told(line: line($0), lost: 0) } + Array(repeating: nil, count: 7))
        let later = (10..<12).map { rate.tell(line($0), now: start + .milliseconds(100)) }
        #expect(later == [Told(line: line(10), lost: 7), nil])
        let silence = (12..<16).map { rate.tell(line($0), now: start + .seconds(60)) }
        #expect(silence == [1, 0, 0].enumerated().map { Told(line: line(12 + $0), lost: $1) } + [nil])
    }

    @Test func `the last line is told in any case`() {
        var rate = LineRate(perSecond: 1, burst: 1)
        let none = rate.finish()
        #expect(none == nil)
        let told = (0..<4).map { rate.tell(line($0), now: start) }
        #expect(told.compactMap { $0 }.count == 1)
        let last = rate.finish()
        #expect(last == Told(line: line(3), lost: 2))
        let again = rate.finish()
        #expect(again == nil)
    }

    @Test func `on a random walk every line is told or counted, and never more are told than the rate allows`() async {
        var random = SeededGenerator(seed: 16)
        for _ in 0..<20 {
            let (perSecond, burst) = (1 + random.below(50), 1 + random.below(20))
            var rate = LineRate(perSecond: perSecond, burst: burst)
            var now = start
            var (lines, lost) = (0, 0)
            var toldAt: [ContinuousClock.Instant] = []
            await takeSteps(300) {
                if random.below(3) == 0 { now += .milliseconds(random.below(200)) }
                lines += 1
                guard let told = rate.tell(line(lines), now: now) else { return }
                #expect(told.line == line(lines))
                lost += told.lost
                toldAt.append(now)
            }
            for (index, from) in toldAt.enumerated() {
                guard let until = toldAt[index...].dropFirst(burst).first else { break }
                // burst + 1 lines take at least one interval.
                #expect(until - from >= .seconds(1) / perSecond - .nanoseconds(1))
            }
            if let last = rate.finish() {
                #expect(last.line == line(lines))
                lost += last.lost + 1
            }
            #expect(toldAt.count + lost == lines)
        }
    }
}
