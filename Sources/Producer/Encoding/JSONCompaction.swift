import Bytes
import JSON

/// Takes the insignificant white space out of a JSON text that is known to be valid, as JSON.stringify has none; nothing
/// else is changed. One flat pass that copies runs.
enum JSONCompaction {
    static func append(_ json: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        guard let start = json.baseAddress else { return }
        let base = start.assumingMemoryBound(to: UInt8.self)
        buffer.reserve(json.count)
        var at = 0
        var run = 0
        var lineBreaks = JSONLineBreaks()
        while at < json.count {
            switch base[at] {
            case UInt8(ascii: "\""):
                at += 1
                // Eight bytes at a time. A valid text has no fault; the rest of another one would be copied as it is.
                if JSONText.skipString(base, &at, json.count, &lineBreaks) != .none { at = json.count }
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
}
