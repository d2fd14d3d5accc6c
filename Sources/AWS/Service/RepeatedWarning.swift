import Logging
import Reactor
import Telemetry

/// A warning of what may repeat a thousand times a minute, as throttling does: one line at its first time, and one a minute
/// that says how often it came since (`times`). Confined to its loop.
package final class RepeatedWarning: @unchecked Sendable {
    private let message: Logger.Message
    private let loop: EventLoop
    private let logger: Logger
    private var repetitions = Repetitions<String>()
    private var isTimed = false

    package init(_ message: Logger.Message, on loop: EventLoop, logger: Logger) {
        self.message = message
        self.loop = loop
        self.logger = logger
    }

    /// - Parameter kind: what is told apart: one of few.
    package func warn(of kind: String, _ metadata: @autoclosure () -> Logger.Metadata) {
        guard repetitions.happened(kind) else { return }
        logger.warning(message, metadata: metadata())
        countMinute()
    }

    private func countMinute() {
        guard !isTimed else { return }
        isTimed = true
        _ = loop.schedule(after: Repetitions<String>.interval) { [weak self] in self?.minuteEnded() }
    }

    private func minuteEnded() {
        isTimed = false
        for (kind, count) in repetitions.minuteEnded().sorted(by: { $0.key < $1.key }) {
            logger.warning(message, metadata: ["reason": "\(kind)", "times": .stringConvertible(count)])
        }
        if !repetitions.isEmpty { countMinute() }
    }
}
