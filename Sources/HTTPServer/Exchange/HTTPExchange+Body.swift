import Bytes
import HTTP
import Reactor

/// The body of the request, read whole or in parts, and its memory.
extension HTTPExchange {
    /// A body of up to this size is read until the others hold twice the limit: a few long bodies that do not end keep out
    /// no ordinary request.
    private static let smallBodyBytes = 64 * 1024

    /// Bytes that a body may have which is read whole, unless the handler says otherwise.
    package var bodyLimit: Int { stream.server.limits.bodyBytes }

    private var bodyTime: Duration { stream.server.limits.bodyTime }

    /// Bytes of the body as Content-Length says; 0 without a body, nil where only its end will tell.
    package var contentLength: Int? {
        switch stream.body {
        case .none: 0
        case .length(let missing): missing
        case .chunked, .untilEnd, .broken: nil
        }
    }

    /// The whole body, empty without one. `limit` is in bytes after decoding and counts instead of the server's.
    ///
    /// Its memory counts against `HTTPLimits.bodyBytesTogether` from here, all of Content-Length before a byte is read,
    /// until `releaseBody` or the exchange's end. Sends 100 Continue to a client that waits for it, but not where the
    /// body is refused. After an error the rest is lost, and the connection closes behind the answer.
    package func body(limit: Int? = nil) async throws(HTTPBodyError) -> ByteBuffer {
        guard !isOver else { throw .connectionClosed }
        let buffer = try openBody(limit: limit ?? bodyLimit)
        while case let progress = stream.body, !progress.isNone,
            try await stream.readBody(into: buffer, within: bodyTime)
        {
            try orClose { () throws(HTTPBodyError) in
                try holdBody(buffer.capacity)
                try Self.check(buffer.count, limit ?? bodyLimit)
            }
        }
        return buffer
    }

    /// The buffer for the body, whose memory is held. Of a length that the client says no more is taken than it may have.
    private func openBody(limit: Int) throws(HTTPBodyError) -> ByteBuffer {
        let length = contentLength ?? 0
        try orClose { () throws(HTTPBodyError) in
            guard length <= limit else { throw .tooLarge(limit: limit, actual: length) }
            try holdBody(length)
        }
        return ByteBuffer(capacity: length)
    }

    private static func check(_ count: Int, _ limit: Int) throws(HTTPBodyError) {
        guard count <= limit else { throw .tooLarge(limit: limit, actual: nil) }
    }

    /// Behind a body that is not read to its end the connection closes.
    private func orClose(_ step: () throws(HTTPBodyError) -> Void) throws(HTTPBodyError) {
        do {
            try step()
        } catch {
            stream.refuseRest()
            countBody(0)
            throw error
        }
    }

    /// The whole body where it came with the head, as small ones do; nil where it must be waited for, or is over `limit`.
    /// Spares a put four calls that could wait.
    package func arrivedBody(limit: Int? = nil) -> ByteBuffer? { stream.takeArrivedBody(limit: limit ?? bodyLimit) }

    /// Whether a body is held that is refused where others hold too much.
    package var holdsLargeBody: Bool { heldBodyBytes > Self.smallBodyBytes }

    /// The handler has let go of the body, or somebody else bounds its memory from here on.
    package func releaseBody() {
        countBody(0)
    }

    /// The next piece of the body, at most 16 KiB; nil at its end. Of any total length: the reader bounds what it
    /// keeps. Errors as in `body`.
    /// - Parameter isPatient: whether it is waited for without end: a client may have nothing to say for long.
    package func bodyPart(isPatient: Bool = false) async throws(HTTPBodyError) -> ByteBuffer? {
        guard !isOver else { throw .connectionClosed }
        let buffer = ByteBuffer()
        return try await stream.readBody(into: buffer, within: isPatient ? nil : bodyTime) ? buffer : nil
    }

    /// Says how much memory is held of a body, in bytes: by `body`, or by a handler that reads it in parts. Throws
    /// `.tooMuchTogether` when the bodies together are over their limit: the handler should let go of it, and say so.
    package func holdBody(_ bytes: Int) throws(HTTPBodyError) {
        countBody(bytes)
        let together = stream.server.bodyBytesHeld
        let limit = stream.server.limits.bodyBytesTogether
        let isSmall = bytes <= Self.smallBodyBytes && together <= 2 * limit
        guard together <= limit || together == bytes || isSmall else {
            throw .tooMuchTogether(limit: limit)
        }
    }

    func countBody(_ bytes: Int) {
        stream.server.bodyBytesHeld += bytes - heldBodyBytes
        heldBodyBytes = bytes
    }

    /// The handler wants no more of the body: a read of it that waits, and every later one that would, ends with
    /// `.abandoned`. Where the body has not been read to its end, the connection closes behind the answer.
    package func abandonBody() {
        guard !isOver, !stream.body.isNone else { return }
        stream.refuseRest()
        stream.abandonBody()
    }
}

extension BodyProgress {
    var isNone: Bool {
        if case .none = self { return true }
        return false
    }
}
