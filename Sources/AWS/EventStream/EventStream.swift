import Bytes
import JSON

/// A service's response that is a stream of messages, which it sends as they happen. Confined to its loop.
///
///     betweenMessages ──arriving──▸ arriving ──permit──▸ receiving ──message──▸ betweenMessages
///
/// Nothing of a message but its lengths is received before somebody has room for it. It ends with the last reference to it.
package final class EventStream: @unchecked Sendable {
    package static let contentType = "application/vnd.amazon.eventstream"

    /// What has come.
    package enum Part {
        /// `onArrival` says when there is more.
        case nothing
        /// A message of so many bytes, which is received once there is a `permit` for it.
        case arriving(bytes: Int)
        case message(EventStreamMessage)
        /// The service has ended the stream between two messages.
        case end
        /// An exception as a message, or what came is no event stream, or was cut. Nothing follows.
        case failed(AWSError)
    }

    private enum State {
        case betweenMessages
        case arriving(bytes: Int)
        case receiving
        case failed(AWSError)
    }

    private let response: ResponseStream
    private let onMessage: (AWSError?) -> Void
    private var decoder = EventStreamDecoder()
    private var state = State.betweenMessages
    /// What has come and is not decoded, and how much of it is.
    private var input = ByteBuffer()
    private var offset = 0

    /// - Parameter onMessage: called for each message, with the error if it is one.
    init(_ response: ResponseStream, onMessage: @escaping (AWSError?) -> Void) {
        self.response = response
        self.onMessage = onMessage
    }

    /// The id under which AWS's support finds the request.
    package var requestID: String? { response.head.headers.requestID }

    /// Called when `next` would give something after it has given nothing.
    package var onArrival: (() -> Void)? {
        get { response.onArrival }
        set { response.onArrival = newValue }
    }

    /// There is room for the message that is arriving.
    package func permit() {
        if case .arriving = state { state = .receiving }
    }

    package func next() -> Part {
        do throws(EventStreamError) {
            while true {
                if case .failed(let error) = state { return .failed(error) }
                if case .arriving(let bytes) = state { return .arriving(bytes: bytes) }
                if let part = try decode() { return part }
                switch response.take() {
                case .bytes(let bytes): (input, offset) = (bytes, 0)
                case .nothing: return .nothing
                case .end: return decoder.isBetweenMessages ? .end : fail(.transport(.cut(reason: "within a message")))
                case .failed(let error): return fail(error == .cancelled ? .cancelled : .transport(error))
                }
            }
        } catch {
            return fail(.response(reason: "a broken event stream: \(error)", requestID: requestID))
        }
    }

    /// nil: all that has come is used up.
    private func decode() throws(EventStreamError) -> Part? {
        var rest = UnsafeRawBufferPointer(rebasing: input.bytes[offset...])
        defer {
            offset = input.count - rest.count
            if rest.isEmpty { (input, offset) = (ByteBuffer(), 0) }
        }
        switch state {
        case .betweenMessages:
            guard let bytes = try decoder.beginMessage(&rest) else { return nil }
            state = .arriving(bytes: bytes)
            return .arriving(bytes: bytes)
        case .receiving:
            guard let message = try decoder.next(&rest) else { return nil }
            state = .betweenMessages
            guard let error = ServiceError(message, requestID: requestID) else {
                onMessage(nil)
                return .message(message)
            }
            return fail(.service(error))
        case .arriving, .failed: return nil
        }
    }

    private func fail(_ error: AWSError) -> Part {
        state = .failed(error)
        onMessage(error)
        return .failed(error)
    }
}

extension ServiceError {
    /// What a message says that is no event: an exception that the service declares, with a body as of other errors, or an
    /// error that it does not. nil: it is an event.
    ///
    /// Source: https://smithy.io/2.0/aws/amazon-eventstream.html, "Message types".
    init?(_ message: EventStreamMessage, requestID: String?) {
        switch message.text(":message-type") {
        case "exception":
            let body = try? JSONParser.parse(message.payload)
            self.init(
                code: message.text(":exception-type") ?? "UnknownException",
                message: body?["message"]?.string ?? body?["Message"]?.string ?? "", status: 200, requestID: requestID,
                date: nil)
        case "error":
            self.init(
                code: message.text(":error-code") ?? "UnknownError", message: message.text(":error-message") ?? "",
                status: 200, requestID: requestID, date: nil)
        default: return nil
        }
    }
}
