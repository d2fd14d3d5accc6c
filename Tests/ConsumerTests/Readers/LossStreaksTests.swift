import Kinesis
import Testing

@testable import Consumer

@Suite struct LossStreaksTests {
    private let start = ContinuousClock.now
    private let shard = ShardID(number: 0)

    private func event(_ number: Int, at seconds: Int = 0, of shard: Int = 0) -> GivenEvent {
        GivenEvent(
            shard: ShardID(number: shard), last: Checkpoint(sequenceNumber: SequenceNumber(UInt128(number))),
            bytes: 300_000, at: start + .seconds(seconds))
    }

    @Test func `the third loss at the same event is told, and no other`() {
        var streaks = LossStreaks()
        let told = (0..<6).map { streaks.lost(event(1, at: $0), now: start + .seconds($0 + 1)) }
        #expect(told == [nil, nil, 3, nil, nil, nil])
    }

    @Test func `a loss at another event begins anew`() {
        var streaks = LossStreaks()
        let told = [1, 1, 2, 1, 1, 1].map { streaks.lost(event($0), now: start) }
        #expect(told == [nil, nil, nil, nil, nil, 3])
    }

    @Test func `a reader that went on for a while after the event is no sign`() {
        var streaks = LossStreaks()
        let late = start + LossStreaks.patience + .milliseconds(1)
        let told = (0..<5).map { _ in streaks.lost(event(1), now: late) }
        #expect(told.allSatisfy { $0 == nil })
    }

    @Test func `each shard has its own streak`() {
        var streaks = LossStreaks()
        let told = [0, 1, 0, 1, 0].map { streaks.lost(event(7, of: $0), now: start) }
        #expect(told == [nil, nil, nil, nil, 3])
    }
}
