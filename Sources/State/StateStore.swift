import Logging
import Reactor
import Time

/// The consumers' positions, kept over restarts. In this version SQLite alone; the mirror in DynamoDB comes to stand
/// behind the same interface.
///
/// Confined to its loop. Reading waits for the database's thread; `note` never waits: what it takes is committed in
/// groups, in order, and tried again while the database cannot be written.
package final class StateStore: @unchecked Sendable {
    /// Opens the store, or makes it.
    /// - Parameter path: the database file; nil keeps everything in memory.
    package static func open(path: String?, loop: EventLoop, logger: Logger) async throws(StateError) -> StateStore {
        fatalError("in progress")
    }

    private init() {}

    /// What is kept of a consumer; nil when nothing is.
    package func load(_ key: ConsumerKey) async throws(StateError) -> ConsumerState? {
        fatalError("in progress")
    }

    /// Puts a consumer's state in place of whatever there is of it, and returns when it is committed.
    package func begin(_ key: ConsumerKey, _ state: ConsumerState) async throws(StateError) {
        fatalError("in progress")
    }

    /// Whether what the consumers report can be kept.
    package var health: StateHealth { fatalError("in progress") }

    /// Commits what was noted and closes the database.
    package func close() async { fatalError("in progress") }
}

/// Whether state can be written; `/readyz` shows it.
package enum StateHealth: Hashable, Sendable {
    case writable
    /// Nothing has been committed since; the reason is the last failure's.
    case failed(reason: String, since: WallTime)
}
