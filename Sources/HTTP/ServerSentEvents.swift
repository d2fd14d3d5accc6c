import Bytes

/// The framing of a stream of events (WHATWG HTML, 9.2.5 and 9.2.6). Performs no I/O.
///
/// An event with a payload is three chunks, so that a payload which many readers get is encoded once and shared:
/// `appendHead`, the payload, which is one line, and `end`.
package enum ServerSentEvents {
    package static let contentType = "text/event-stream"
    /// What ends an event behind its payload.
    package static let end = ByteBuffer("\n\n")

    /// How long a client waits before it connects again.
    package static func appendRetry(milliseconds: Int, to buffer: ByteBuffer) {
        buffer.append("retry: ")
        buffer.append(decimal: milliseconds)
        buffer.append("\n\n")
    }

    /// A comment, which clients ignore: heartbeats and words for people. Each line of `text` becomes one.
    package static func appendComment(_ text: String, to buffer: ByteBuffer) {
        buffer.append(": ")
        appendText(text, after: "\n: ", to: buffer)
        buffer.append("\n\n")
    }

    /// Everything of an event before its data. Line ends in `id` and `event` would begin other fields and are
    /// dropped; so is an id with a NUL, which clients would ignore.
    package static func appendHead(id: String?, event: String?, to buffer: ByteBuffer) {
        if let id, !id.utf8.contains(0) {
            buffer.append("id: ")
            appendText(id, after: "", to: buffer)
            buffer.append("\n")
        }
        if let event {
            buffer.append("event: ")
            appendText(event, after: "", to: buffer)
            buffer.append("\n")
        }
        buffer.append("data: ")
    }

    /// A whole small event. Each line of `data` becomes a data field.
    package static func appendEvent(id: String? = nil, event: String?, data: String, to buffer: ByteBuffer) {
        appendHead(id: id, event: event, to: buffer)
        appendText(data, after: "\ndata: ", to: buffer)
        buffer.append(end)
    }

    /// CR, LF and CR LF end a line of the format; each becomes `lineBreak`.
    private static func appendText(_ text: String, after lineBreak: StaticString, to buffer: ByteBuffer) {
        var last: UInt8 = 0
        for byte in text.utf8 {
            if byte == ASCII.carriageReturn || byte == ASCII.lineFeed {
                if !(byte == ASCII.lineFeed && last == ASCII.carriageReturn) { buffer.append(lineBreak) }
            } else {
                buffer.append(byte)
            }
            last = byte
        }
    }
}
