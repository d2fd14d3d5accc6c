/// A long walk on a loop, cut into slices: between two of them the loop's other work has its turn.
///
/// What is walked over may change between two steps. Confined to its loop.
package final class SlicedWalk: @unchecked Sendable {
    private let loop: EventLoop
    private let sliceSteps: Int
    private var left: Int

    /// - Parameter sliceSteps: steps between two turns. A step is to take some microseconds, a slice well under 1 ms.
    package init(_ loop: EventLoop, sliceSteps: Int = 64) {
        self.loop = loop
        self.sliceSteps = sliceSteps
        left = sliceSteps
    }

    /// One step is done. Returns in a later turn where it was a slice's last.
    package func step() async {
        left -= 1
        guard left == 0 else { return }
        left = sliceSteps
        await loop.nextTurn()
    }
}
