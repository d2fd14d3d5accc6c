import Bytes
import Reactor
import Time

/// The Date field of answers (RFC 9110, 6.6.1), written once a second. Confined to its loop.
final class DateLine {
    private let loop: EventLoop
    private var now = (value: "", line: ByteBuffer())
    private var until: EventLoop.Instant?

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// The field's value: `Fri, 02 Jan 2026 03:04:05 GMT`.
    var value: String {
        renew()
        return now.value
    }

    /// `Date: Fri, 02 Jan 2026 03:04:05 GMT` with its line end. Whoever keeps it keeps an old one: it is replaced,
    /// never written over.
    var current: ByteBuffer {
        renew()
        return now.line
    }

    private func renew() {
        if let until, loop.now < until { return }
        let time = WallTime.now()
        let value = time.httpDate
        now = (value, ByteBuffer("Date: \(value)\r\n"))
        until = loop.now + .milliseconds(1000 - time.milliseconds % 1000)
    }
}
