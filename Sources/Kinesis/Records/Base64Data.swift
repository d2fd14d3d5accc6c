import Bytes
import JSON

/// A record's data in a response of JSON: base64, in which some writers of JSON escape characters (`\/`, `\u002b`).
enum Base64Data {
    /// Bytes that the text becomes, where it is base64.
    static func decodedCount(_ text: UnsafeRawBufferPointer) -> Int {
        guard text.count >= 4 else { return 0 }
        let padding = text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        return text.count / 4 * 3 - padding
    }

    /// Appends the bytes; false, and nothing appended, where the text is not base64.
    static func decode(_ response: ByteBuffer, _ place: Range<Int>, to out: ByteBuffer) -> Bool {
        let text = UnsafeRawBufferPointer(rebasing: response.bytes[place])
        if Base64.decode(text, to: out) == nil { return true }
        let unescaped = ByteBuffer()
        return unescape(text, to: unescaped) && Base64.decode(unescaped.bytes, to: out) == nil
    }

    /// Appends the text without its escapes; false where it has none, or is not the inside of a string: the scanner has not
    /// looked into it. The quotes around it must be there.
    static func unescape(_ text: UnsafeRawBufferPointer, to out: ByteBuffer) -> Bool {
        guard let start = text.baseAddress, text.contains(UInt8(ascii: "\\")) else { return false }
        let quoted = UnsafeRawBufferPointer(start: start - 1, count: text.count + 2)
        return JSONText.isValid(quoted) && JSONText.appendUnescaped(text, to: out) == nil
    }
}
