import Bytes
import CCurl
import Reactor

/// The body of a response that is received while it is read. Confined to its loop.
///
/// While bytes wait here nothing more is taken from the socket, beyond libcurl's receive buffer. The transfer ends with the
/// last reference to this object.
package final class ResponseStream: @unchecked Sendable {
    /// Bytes from which on libcurl is paused, and as large is its receive buffer.
    static let mostBytes = 16 * 1024

    package let head: TransportHead
    let buffer: Buffer
    private let abandon: @Sendable () -> Void

    /// What of the body has come.
    package enum Part {
        case bytes(ByteBuffer)
        /// `onArrival` says when there is more.
        case nothing
        /// The body is complete.
        case end
        case failed(TransportError)
    }

    /// - Parameters:
    ///   - resume: lets libcurl receive again.
    ///   - abandon: ends the transfer, if it has not ended; called on any thread.
    init(_ head: TransportHead, resume: @escaping () -> Void, abandon: @escaping @Sendable () -> Void) {
        self.head = head
        buffer = Buffer(resume: resume)
        self.abandon = abandon
    }

    deinit {
        if !buffer.isEnded { abandon() }
    }

    /// Called when `take` would give something after it has given nothing. Not called before that.
    package var onArrival: (() -> Void)? {
        get { buffer.onArrival }
        set { buffer.onArrival = newValue }
    }

    /// Everything that has come, once.
    package func take() -> Part { buffer.take() }

    /// Between libcurl, which fills it, and who reads: the transfer holds it, so that nobody but the reader holds the stream.
    final class Buffer {
        private enum Source {
            case receiving
            /// libcurl holds back what found no room.
            case paused
            case ended(TransportError?)
        }

        var onArrival: (() -> Void)?
        private var waiting = ByteBuffer()
        private var source = Source.receiving
        private let resume: () -> Void

        init(resume: @escaping () -> Void) {
            self.resume = resume
        }

        var isEnded: Bool {
            if case .ended = source { true } else { false }
        }

        /// Whether the bytes are taken; else they come again once `resume` was called.
        func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard waiting.count < ResponseStream.mostBytes else {
                source = .paused
                return false
            }
            let isFirst = waiting.isEmpty
            waiting.append(bytes)
            if isFirst { onArrival?() }
            return true
        }

        func ended(_ error: TransportError?) {
            source = .ended(error)
            if waiting.isEmpty { onArrival?() }
        }

        func take() -> Part {
            if waiting.isEmpty {
                guard case .ended(let error) = source else { return .nothing }
                return error.map(Part.failed) ?? .end
            }
            let bytes = waiting
            waiting = ByteBuffer()
            if case .paused = source {
                source = .receiving
                // libcurl gives out at once what it has held back.
                resume()
            }
            return .bytes(bytes)
        }
    }
}
