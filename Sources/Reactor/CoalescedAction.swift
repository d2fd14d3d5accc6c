/// What is done once at the end of a turn, however often it was asked for in that turn: what arrives in one turn gathers.
///
/// Confined to its loop.
package final class CoalescedAction {
    private let loop: EventLoop
    private var isDue = false

    package init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Runs `action` at the end of this turn, unless one is due then. It may ask for another one, of the same turn.
    package func request(_ action: @escaping () -> Void) {
        guard !isDue else { return }
        isDue = true
        loop.endOfTurn { [self] in
            isDue = false
            action()
        }
    }
}
