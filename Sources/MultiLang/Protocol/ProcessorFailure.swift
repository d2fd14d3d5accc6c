/// Why a child is ended, or has ended.
package enum ProcessorFailure: Error, Equatable, Sendable {
    /// It ended by itself: as the text says, such as "ended with code 3".
    case ended(String)
    /// It closed its standard output, and nothing more can come of it.
    case closedOutput
    /// It closed its standard input, and cannot be told anything.
    case closedInput
    /// It answered nothing within `timeout`.
    case timedOut(ProcessorAction)
    /// It answered what it was not asked; nil: it was asked nothing.
    case wrongStatus(String, insteadOf: ProcessorAction?)
    /// It goes on talking instead of waiting for the answer to a checkpoint, or reading it.
    case chatter
    /// It could not be started: the text says why.
    case notStarted(String)
}

extension ProcessorFailure {
    /// With how the child's process ended.
    /// - Parameter exit: such as "ended with code 3".
    func text(_ exit: some CustomStringConvertible) -> String {
        switch self {
        case .ended, .notStarted: description
        // A child that ends closes them too.
        case .closedOutput, .closedInput, .timedOut, .wrongStatus, .chatter: "\(self), and \(exit)"
        }
    }
}

extension ProcessorFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ended(let how): "the child \(how)"
        case .closedOutput: "the child closed its standard output"
        case .closedInput: "the child closed its standard input"
        case .timedOut(let action): "the child did not answer \(action.rawValue) in time"
        case .wrongStatus(let name, let action?): "the child answered \(name), and was asked \(action.rawValue)"
        case .wrongStatus(let name, nil): "the child answered \(name), and was asked nothing"
        case .chatter: "the child sent more than \(Conversation.mostUnanswered) checkpoints without reading the answers"
        case .notStarted(let reason): reason
        }
    }
}
