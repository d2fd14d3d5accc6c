import Bytes

extension LZUTF8 {
    /// Bytes that one step writes at most, of which not all need count: eight of text, or a match rounded up to eights.
    private static let slack = 32

    /// Appends the text that these bytes stand for, at most `limit` bytes of it. After an error nothing is appended.
    ///
    /// The output need not be UTF-8: that is the reader's to see.
    package static func decompress(
        _ input: UnsafeRawBufferPointer, to output: ByteBuffer, limit: Int
    ) throws(LZUTF8Error) {
        let start = output.count
        do {
            try decompress(input, to: output, from: start, limit: max(limit, 0))
        } catch {
            output.truncate(to: start)
            throw error
        }
    }

    /// One flat pass over two pointers.
    private static func decompress(
        _ input: UnsafeRawBufferPointer, to output: ByteBuffer, from start: Int, limit: Int
    ) throws(LZUTF8Error) {
        guard let source = input.baseAddress, input.count > 0 else { return }
        let count = input.count
        output.reserve(min(count, limit) + slack)
        var text = UnsafeMutableRawPointer(output.base + start)
        var room = output.capacity - start - slack
        var at = 0
        var written = 0
        while at < count {
            if written > room {
                output.setCount(start + written)
                output.reserve(min(written, limit - written) + 2 * slack)
                text = UnsafeMutableRawPointer(output.base + start)
                room = output.capacity - start - slack
            }
            // Text, eight bytes at a time, up to the first byte that may begin a pointer.
            if at &+ 8 <= count {
                let bytes = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                let leads = bytes & (bytes &<< 1) & 0x8080_8080_8080_8080
                let literals = leads.trailingZeroBitCount &>> 3
                if literals > 0 {
                    text.storeBytes(of: bytes.littleEndian, toByteOffset: written, as: UInt64.self)
                    at &+= literals
                    written &+= literals
                    guard written <= limit else { throw .textOverLimit(limit) }
                    continue
                }
            }
            let lead = source.load(fromByteOffset: at, as: UInt8.self)
            var isText = lead < 0xc0
            if !isText {
                guard at &+ 1 < count else { throw .cutPointer(at: at) }
                isText = source.load(fromByteOffset: at &+ 1, as: UInt8.self) >= 0x80
            }
            if isText {
                text.storeBytes(of: lead, toByteOffset: written, as: UInt8.self)
                at &+= 1
                written &+= 1
                guard written <= limit else { throw .textOverLimit(limit) }
                continue
            }
            let length = Int(lead & 0x1f)
            var distance = Int(source.load(fromByteOffset: at &+ 1, as: UInt8.self))
            var size = 2
            if lead >= 0xe0 {
                guard at &+ 2 < count else { throw .cutPointer(at: at) }
                distance = distance &<< 8 | Int(source.load(fromByteOffset: at &+ 2, as: UInt8.self))
                size = 3
            }
            guard distance > 0, distance <= written else {
                throw .pointerOutsideText(at: at, distance: distance, written: written)
            }
            guard length <= limit &- written else { throw .textOverLimit(limit) }
            let target = text + written
            let match = UnsafeRawPointer(target) - distance
            if distance >= 8 {
                var done = 0
                while done < length {
                    let eight = match.loadUnaligned(fromByteOffset: done, as: UInt64.self)
                    target.storeBytes(of: eight, toByteOffset: done, as: UInt64.self)
                    done &+= 8
                }
            } else {
                // It overlaps itself: each byte may be one that this match has written.
                for done in 0..<length {
                    target.storeBytes(
                        of: match.load(fromByteOffset: done, as: UInt8.self), toByteOffset: done, as: UInt8.self)
                }
            }
            at &+= size
            written &+= length
        }
        output.setCount(start + written)
    }
}
