import Bytes

/// Takes the insignificant white space out of a JSON text that is known to be valid, as JSON.stringify has none; nothing
/// else is changed. One flat pass that copies runs.
enum JSONCompaction {
    static func append(_ json: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        buffer.reserve(json.count)
        var at = 0
        var run = 0
        while at < json.count {
            switch json[at] {
            case UInt8(ascii: "\""):
                at = endOfString(json, from: at)
            case 0x20, 0x09, 0x0a, 0x0d:
                buffer.append(UnsafeRawBufferPointer(rebasing: json[run..<at]))
                at += 1
                run = at
            default:
                at += 1
            }
        }
        buffer.append(UnsafeRawBufferPointer(rebasing: json[run..<at]))
    }

    /// The place behind the closing quote of the string that begins at `start`.
    private static func endOfString(_ json: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start + 1
        while at < json.count {
            switch json[at] {
            case UInt8(ascii: "\""): return at + 1
            case UInt8(ascii: "\\"): at += 2
            default: at += 1
            }
        }
        return json.count
    }
}
