import Bytes

/// The framing of a stream of events (WHATWG HTML, 9.2.5 and 9.2.6). Performs no I/O.
///
/// An event with a payload is three chunks, so that a payload which many readers get is encoded once and shared:
/// `appendHead`, the payload, which is one line, and `end`.
package enum ServerSentEvents {
    package static let mediaType = "text/event-stream"
    /// With the charset, which is the only one that there is: clients that look for it take ISO-8859-1 without.
    package static let contentType = mediaType + "; charset=utf-8"
    /// What ends an event behind its payload.
    package static let end = ByteBuffer("\n\n")
    /// A comment without a text, for an idle client. Without an empty line behind it: many clients dispatch a block
    /// without data as an empty event, against the format.
    package static let heartbeat = ByteBuffer(":\n")

    /// How long a client waits before it connects again. As all that follows a field of the event to come, whose end
    /// `end` writes.
    package static func appendRetry(milliseconds: Int, to buffer: ByteBuffer) {
        buffer.append("retry: ")
        buffer.append(decimal: milliseconds)
        buffer.append("\n")
    }

    /// A comment, which clients ignore: words for people. Each line of `text` becomes one.
    package static func appendComment(_ text: String, to buffer: ByteBuffer) {
        buffer.append(": ")
        appendText(text, lineBreak: "\n: ", to: buffer)
        buffer.append("\n")
    }

    /// The event's id; of two in an event the later one counts. Line ends would begin another field and are dropped; an
    /// id with a NUL, which clients ignore, is not written.
    package static func appendID(_ id: String, to buffer: ByteBuffer) {
        guard !id.utf8.contains(0) else { return }
        buffer.append("id: ")
        appendText(id, lineBreak: "", to: buffer)
        buffer.append("\n")
    }

    /// Everything of an event before its data.
    package static func appendHead(id: String?, event: String, to buffer: ByteBuffer) {
        if let id { appendID(id, to: buffer) }
        buffer.append("event: ")
        appendText(event, lineBreak: "", to: buffer)
        buffer.append("\ndata: ")
    }

    /// CR, LF and CR LF end a line of the format, and of Unicode text U+0085, U+2028 and U+2029 do too, where some clients
    /// split it; each becomes `lineBreak`.
    private static func appendText(_ text: String, lineBreak: StaticString, to buffer: ByteBuffer) {
        var last: Unicode.Scalar = "\0"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where last == "\r": break
            case "\r", "\n", "\u{85}", "\u{2028}", "\u{2029}": buffer.append(lineBreak)
            default: for unit in UTF8.encode(scalar).unsafelyUnwrapped { buffer.append(unit) }
            }
            last = scalar
        }
    }
}
