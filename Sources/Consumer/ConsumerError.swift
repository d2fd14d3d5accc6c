import AWS
import Kinesis
import State

/// Why a reader cannot be attached.
package enum ConsumerError: Error, Hashable, Sendable {
    /// The consumer runs with another value of an option that the request names.
    case conflictingOption(OptionConflict)
    /// There is no such stream, and it may not be created.
    case streamMissing(StreamName)
    /// Somebody has stopped the consumer.
    case stopped
    /// The stream did not become usable in time.
    case streamNotReady(StreamName, status: String)
    /// The service refused or could not be reached, after all retries.
    case service(AWSError)
    /// The consumer's positions cannot be read or fixed.
    case state(StateError)
    /// The process is ending.
    case shuttingDown
    /// The waiting task was cancelled.
    case cancelled
}

extension ConsumerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .conflictingOption(let conflict):
            "the consumer runs with \(conflict.option)=\(conflict.held), not \(conflict.asked)"
        case .stopped: "the consumer is stopped"
        case .streamMissing(let stream): "there is no stream \(stream)"
        case .streamNotReady(let stream, let status): "the stream \(stream) is \(status)"
        case .service(let error): error.description
        case .state(let error): error.description
        case .shuttingDown: "the sidecar is ending"
        case .cancelled: "cancelled"
        }
    }
}
