import Bytes
import CBOR
import JSON
import Time

extension CBORWriter {
    /// Writes a record that the store has in JSON, which `PutEntry.write` has made.
    func record(_ stored: UnsafeRawBufferPointer) {
        beginMap()
        var scanner = try? JSONObjectScanner(stored)
        while let (key, value) = (try? scanner?.next()) ?? nil {
            string(key)
            if key.isString("Data") {
                blob(value)
            } else if key.isString("ApproximateArrivalTimestamp") {
                let seconds = Double(String(decoding: value.raw, as: UTF8.self)) ?? 0
                time(milliseconds: WallTime(seconds: seconds).milliseconds)
            } else {
                string(value)
            }
        }
        end()
    }

    private func string(_ span: JSONSpan) {
        guard let raw = span.rawString, span.hasEscapes else { return text(utf8: span.rawString ?? span.raw) }
        let plain = ByteBuffer(capacity: raw.count)
        _ = try? span.appendString(to: plain)
        text(utf8: plain.bytes)
    }

    private func blob(_ span: JSONSpan) {
        guard let base64 = span.rawString else { return null() }
        let padding = base64.suffix(2).count { $0 == UInt8(ascii: "=") }
        beginBytes(base64.count / 4 * 3 - padding)
        _ = Base64.decode(base64, to: buffer)
    }
}
