import Bytes
import Reactor
import Time

/// The Date field of answers (RFC 9110, 6.6.1), written once a second. Confined to its loop.
final class DateLine {
    private let loop: EventLoop
    private var line = ByteBuffer()
    private var until: EventLoop.Instant?

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// The field's value: `Fri, 02 Jan 2026 03:04:05 GMT`.
    var value: String { String(current.text.dropFirst("Date: ".utf8.count).dropLast()) }

    /// `Date: Fri, 02 Jan 2026 03:04:05 GMT` with its line end. Whoever keeps it keeps an old one: it is replaced,
    /// never written over.
    var current: ByteBuffer {
        if let until, loop.now < until { return line }
        let now = WallTime.now()
        line = ByteBuffer("Date: \(now.httpDate)\r\n")
        until = loop.now + .milliseconds(1000 - now.milliseconds % 1000)
        return line
    }
}
