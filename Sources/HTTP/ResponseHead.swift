import Bytes

/// Writes the head of an answer (RFC 9112, 4). Performs no I/O.
package enum ResponseHead {
    /// How the body of the answer is delimited.
    package enum Framing: Equatable, Sendable {
        /// No body and no field about it: 1xx, 204 and 304.
        case none
        case length(Int)
        case chunked
        /// Until the connection closes: a stream to a client of HTTP/1.0.
        case untilClose
    }

    /// What the answer says about the connection.
    package enum Persistence: Equatable, Sendable {
        /// The default of HTTP/1.1: nothing is said.
        case implied
        /// A client of HTTP/1.0 that asked to stay is told so.
        case keepAlive
        case close
    }

    /// `date` is the line of the Date field with its line end.
    package static func append(
        _ status: HTTPStatus, headers: HTTPHeaders, framing: Framing, persistence: Persistence, date: ByteBuffer,
        to buffer: ByteBuffer
    ) {
        buffer.reserve(160)
        if status == .ok {
            buffer.append("HTTP/1.1 200 OK\r\n")
        } else {
            buffer.append("HTTP/1.1 ")
            buffer.append(decimal: status.rawValue)
            buffer.append(" ")
            buffer.append(status.reason)
            buffer.append("\r\n")
        }
        buffer.append(date)
        for field in headers { append(field, to: buffer) }
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            buffer.append("Content-Length: ")
            buffer.append(decimal: length)
            buffer.append("\r\n")
        case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
        }
        switch persistence {
        case .implied: break
        case .keepAlive: buffer.append("Connection: keep-alive\r\n")
        case .close: buffer.append("Connection: close\r\n")
        }
        buffer.append("\r\n")
    }

    /// A line end in a value would begin a field of its own (response splitting); it becomes a space, and so does
    /// every other byte that no field may have.
    private static func append(_ field: HTTPHeaders.Field, to buffer: ByteBuffer) {
        var (name, value) = (field.name, field.value)
        name.withUTF8 { for byte in $0 where ASCII.isToken(byte) { buffer.append(byte) } }
        buffer.append(": ")
        value.withUTF8 { text in
            let text = UnsafeRawBufferPointer(text)
            if ASCII.endOfText(text, from: 0) == text.count { return buffer.append(text) }
            for byte in text { buffer.append(ASCII.isText(byte) ? byte : ASCII.space) }
        }
        buffer.append("\r\n")
    }

    /// The line before a chunk of `size` bytes (RFC 9112, 7.1).
    package static func appendChunkSize(_ size: Int, to buffer: ByteBuffer) {
        buffer.append(String(size, radix: 16))
        buffer.append("\r\n")
    }
}
