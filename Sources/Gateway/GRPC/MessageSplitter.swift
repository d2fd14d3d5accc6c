import Bytes
import Protobuf

/// Cuts what comes of a call's body into messages: a flag, four bytes of length, the message. Performs no I/O.
///
/// What has been cut stays where it is: messages are places in a buffer that nobody writes to any more, so that a record's data
/// is never copied from there.
/// Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
struct MessageSplitter {
    static let prefixBytes = 5

    /// Bytes of one message.
    private let limit: Int
    private var buffer = ByteBuffer()
    private var start = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Bytes of memory that are held.
    var heldBytes: Int { buffer.capacity }
    /// Whether the input stops between two messages.
    var isEmpty: Bool { start == buffer.count }

    mutating func append(_ part: ByteBuffer) {
        if isEmpty {
            buffer = part
        } else if start > 0 {
            // What was cut may be in use.
            let rest = ByteBuffer(capacity: buffer.count - start + part.count)
            unsafe rest.append(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...]))
            rest.append(part)
            buffer = rest
        } else {
            buffer.append(part)
        }
        start = 0
    }

    /// The next message that has come whole; nil: more must come.
    mutating func next() throws(GRPCFault) -> ProtobufReader? {
        try place().map { ProtobufReader(buffer, $0) }
    }

    private mutating func place() throws(GRPCFault) -> Range<Int>? {
        guard buffer.count - start >= Self.prefixBytes else { return nil }
        let flag = buffer[start]
        guard flag == 0 else { throw .flagged(flag) }
        let length = (1...4).reduce(0) { $0 << 8 | Int(buffer[start + $1]) }
        guard length <= limit else { throw .messageTooLarge(limit: limit, actual: length) }
        let first = start + Self.prefixBytes
        guard buffer.count - first >= length else { return nil }
        start = first + length
        return first..<start
    }

    /// The bytes before a message of so many.
    static func prefix(_ length: Int, to buffer: ByteBuffer) {
        buffer.append(0)
        for shift in stride(from: 24, through: 0, by: -8) { buffer.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }

    /// A message with its prefix.
    static func framed(_ message: ByteBuffer) -> ByteBuffer {
        let framed = ByteBuffer(capacity: prefixBytes + message.count)
        prefix(message.count, to: framed)
        framed.append(message)
        return framed
    }
}
