/// Why bytes are no event stream. Nothing that comes behind them can be trusted.
package enum EventStreamError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The message says a length that none can have.
    case length(UInt32)
    /// The headers are longer than the message, or than headers may be.
    case headerLength(UInt32)
    case preludeChecksum
    case messageChecksum
    /// What is wrong with a header.
    case header(String)

    package var description: String {
        switch self {
        case .length(let length):
            "a message of \(length) bytes; one has \(EventStreamMessage.frameBytes) to \(EventStreamMessage.mostBytes)"
        case .headerLength(let length):
            "headers of \(length) bytes, which is more than their message has, or than \(EventStreamMessage.mostHeaderBytes)"
        case .preludeChecksum: "the checksum of a message's lengths is wrong"
        case .messageChecksum: "the checksum of a message is wrong"
        case .header(let problem): "a header \(problem)"
        }
    }
}
