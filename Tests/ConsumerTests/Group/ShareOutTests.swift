import State
import Testing

@testable import Consumer

@Suite struct ShareOutTests {
    private let a = MemberID("a")
    private let b = MemberID("b")
    private let c = MemberID("c")
    private let lifion = MemberID("lifion")

    private func shareOut(_ shards: Int, _ held: [MemberID: Int], lifion: Bool = false) -> ShareOut {
        ShareOut(shards: shards, held: held, sidecars: Set(held.keys).subtracting(lifion ? [self.lifion] : []))
    }

    @Test func `one member takes all there is`() {
        let share = shareOut(5, [a: 2])
        #expect(share.allowances == [a: 3] && share.surplus == [:])
    }

    @Test func `what is free beyond what others lack may go to anybody up to the share rounded up`() {
        let share = shareOut(7, [a: 2, b: 2, c: 1])
        #expect(share.allowances == [a: 1, b: 1, c: 2] && share.surplus == [:])
        #expect(shareOut(7, [a: 2, b: 2, c: 0]).allowances[a] == 1)
        #expect(shareOut(7, [a: 3, b: 2, c: 0]).allowances[b] == 0, "two are free, and two are lacking")
    }

    @Test func `whoever has more than the share rounded down gives up what others lack`() {
        let share = shareOut(4, [a: 4, b: 0])
        #expect(share.surplus == [a: 2] && share.allowances == [a: 0, b: 2])
        #expect(shareOut(7, [a: 3, b: 3, c: 1]).surplus == [a: 1], "one of the two, and both know which")
        #expect(shareOut(7, [a: 3, b: 2, c: 2]).surplus == [:])
    }

    @Test func `what is more than the share rounded up is given up although nobody lacks it`() {
        #expect(shareOut(7, [a: 4, b: 1, c: 1, MemberID("d"): 1]).surplus == [a: 2])
    }

    @Test func `a lifion-kinesis process gives nothing up, and nothing is given up for it`() {
        #expect(shareOut(4, [lifion: 4, a: 0], lifion: true).surplus == [:])
        #expect(shareOut(4, [a: 2, lifion: 0], lifion: true).surplus == [:])
        #expect(shareOut(4, [a: 4, lifion: 0], lifion: true).surplus == [a: 2], "the cap is lifion's own rule")
    }

    @Test func `whatever they have, after they did it once the shares differ by one at most`() {
        for shards in 0...9 {
            for first in 0...shards {
                for second in 0...(shards - first) {
                    var held = [a: first, b: second, c: 0]
                    for _ in 0..<3 {
                        let share = shareOut(shards, held)
                        for (member, count) in share.surplus { held[member]! -= count }
                        for member in [c, b, a] {
                            let free = shards - held.values.reduce(0, +)
                            let now = shareOut(shards, held)
                            held[member]! += min(free, now.allowances[member] ?? 0)
                        }
                    }
                    #expect(held.values.reduce(0, +) == shards)
                    #expect(held.values.max()! - held.values.min()! <= 1, "\(held)")
                }
            }
        }
    }
}
