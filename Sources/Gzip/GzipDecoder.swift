import Bytes
import CZlib

/// Decodes gzip (RFC 1952), one member after the other, in whatever parts the input comes. Performs no I/O.
///
///     decoder.append(part)
///     while try decoder.next(into: output, atMost: 65_536) { … }
///     … more parts …
///     try decoder.finish()
///
/// Bytes come out only as they are asked for, however far the input would inflate. The output, joined, and the error
/// are the same wherever the input is cut. After an error the decoder must not be used again.
package final class GzipDecoder {
    private enum Place {
        /// Before the first member.
        case start
        case insideMember
        /// A member has ended in order, and another one may follow.
        case behindMember
    }

    /// Memory of zlib's state and its window, in bytes. Source: zconf.h, "memory requirements", and sizes measured.
    package static let stateBytes = 48 * 1024

    /// Stays at one address: zlib's own state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input = ByteBuffer()
    /// Bytes of `input` that were decoded.
    private var used = 0
    private var place = Place.start
    /// The last call filled its room, so zlib may hold more output of what it has read.
    private var holdsOutput = false
    /// Is thrown once what came before it was given.
    private var fault: GzipError?

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the bits of the window: gzip alone, not zlib's own format.
        let code = inflateInit2_(stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib \(ZLIB_VERSION) does not begin: \(code)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// The next part of the input. What was there before must have been used up: `next` returned false.
    package func append(_ part: ByteBuffer) {
        precondition(used == input.count && !holdsOutput, "a part was not decoded")
        input = part
        used = 0
    }

    /// Appends the next bytes, at most `room`; false when there are none without more input.
    package func next(into output: ByteBuffer, atMost room: Int) throws(GzipError) -> Bool {
        if let fault { throw fault }
        let end = output.count + room
        let start = output.count
        output.reserve(room)
        while output.count < end, used < input.count || holdsOutput, fault == nil {
            inflateOnce(into: output, upTo: end)
        }
        if let fault, output.count == start { throw fault }
        return output.count > start
    }

    /// The input has ended.
    package func finish() throws(GzipError) {
        guard place == .behindMember else { throw .truncated }
    }

    private func inflateOnce(into output: ByteBuffer, upTo end: Int) {
        stream.pointee.next_in = input.base + used
        stream.pointee.avail_in = UInt32(input.count - used)
        stream.pointee.next_out = output.base + output.count
        stream.pointee.avail_out = UInt32(end - output.count)
        let code = inflate(stream, Z_NO_FLUSH)
        used = input.count - Int(stream.pointee.avail_in)
        output.setCount(end - Int(stream.pointee.avail_out))
        holdsOutput = stream.pointee.avail_out == 0
        switch code {
        case Z_OK: place = .insideMember
        case Z_STREAM_END:
            place = .behindMember
            holdsOutput = false
            inflateReset(stream)
        // There was nothing left of what it had read.
        case Z_BUF_ERROR: holdsOutput = false
        default:
            fault = .corrupt(zlib: stream.pointee.msg.map { String(cString: $0) } ?? "error \(code)")
        }
    }
}
