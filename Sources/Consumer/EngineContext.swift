import Reactor
import State

/// What every consumer of the process stands on.
struct EngineContext: Sendable {
    let loop: EventLoop
    let source: any StreamSource
    let state: StateStore
    let budget: SharedBudget
}
