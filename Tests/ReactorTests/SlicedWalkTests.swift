import Reactor
import TestSupport
import Testing

@Suite struct SlicedWalkTests {
    /// Confined to its loop.
    private final class Count: @unchecked Sendable {
        var turns = 0
        var isOver = false
    }

    @Test(arguments: [(0, 0), (9, 0), (10, 1), (35, 3)])
    func `between two slices there is a turn of the loop`(_ steps: Int, _ turns: Int) async throws {
        try await onLoop { loop in
            let count = Count()
            let walk = SlicedWalk(loop, sliceSteps: 10)
            let others = loop.spawn {
                while !count.isOver {
                    count.turns += 1
                    await loop.nextTurn()
                }
            }
            for _ in 0..<steps { await walk.step() }
            count.isOver = true
            await others.value
            #expect(count.turns == turns)
        }
    }
}
