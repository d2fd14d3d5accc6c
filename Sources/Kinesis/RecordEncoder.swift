import Bytes
import JSON

/// Writes one record of an answer as it stands in an event: keys in the API's camelCase, `data` as JSON, as a string
/// or as base64. Performs no I/O and allocates nothing per record but for what is not JSON, once.
///
/// The base64 is decoded straight into the output and checked there; when it is not the JSON that it was taken for,
/// the output is cut back and the same bytes are written as a string. A JSON payload stays as it is, but for what
/// ends a line: line breaks between its tokens go, those in its strings become escapes, because an event is one line.
struct RecordEncoder {
    /// Levels of brackets up to which a payload is embedded as JSON; deeper ones are strings.
    private static let depth = JSONLimits.payload.depth

    /// Bytes of data, as Kinesis holds them, of the records since this was set to 0.
    var dataBytes = 0

    private let answer: ByteBuffer
    private let shouldParse: ShouldParseJSON
    private var timestamp = TimestampText()
    /// Payloads that become strings pass through here.
    private let scratch = ByteBuffer()
    private let unescaped = ByteBuffer()

    init(_ answer: ByteBuffer, _ encoding: RecordEncoding) {
        self.answer = answer
        shouldParse = encoding.shouldParseJSON
    }

    /// Throws when the data is not base64; the output then holds part of the record.
    mutating func append(_ record: RecordFields, to out: ByteBuffer) throws(GetRecordsError) {
        out.append("{\"sequenceNumber\":\"")
        out.append(piece(record.sequenceNumberStart, record.sequenceNumberEnd))
        if record.partitionKeyStart >= 0 {
            out.append("\",\"partitionKey\":\"")
            append(piece(record.partitionKeyStart, record.partitionKeyEnd), record.lineBreaks, to: out)
        }
        if record.arrival != RecordFields.noArrival {
            out.append("\",\"approximateArrivalTimestamp\":\"")
            timestamp.append(record.arrival, to: out)
        }
        if record.encryptionTypeStart >= 0 {
            out.append("\",\"encryptionType\":\"")
            append(piece(record.encryptionTypeStart, record.encryptionTypeEnd), record.lineBreaks, to: out)
            out.append("\",\"data\":")
        } else {
            // The service leaves the type out of records that it holds unencrypted.
            out.append("\",\"encryptionType\":\"NONE\",\"data\":")
        }
        try appendData(record.dataStart, record.dataEnd, to: out)
        out.append(UInt8(ascii: "}"))
    }

    /// Bytes that the record takes in an event, as far as its places tell without reading its data: it takes more where
    /// the data has escapes, and less where it has line breaks.
    func estimatedBytes(_ record: RecordFields) -> Int {
        (record.dataEnd &- record.dataStart) / 4 &* 3 &+ (record.sequenceNumberEnd &- record.sequenceNumberStart)
            &+ (record.partitionKeyEnd &- max(record.partitionKeyStart, 0)) &+ Self.bytesAround
    }

    /// The names of a record's members, and the values that are always as long.
    private static let bytesAround = 128

    /// Text of the answer that is given on as it is written.
    private func append(_ text: UnsafeRawBufferPointer, _ lineBreaks: JSONLineBreaks, to out: ByteBuffer) {
        if lineBreaks.isEmpty { out.append(text) } else { JSONText.appendEscapingLineBreaks(text, to: out) }
    }

    private mutating func appendData(_ from: Int, _ to: Int, to out: ByteBuffer) throws(GetRecordsError) {
        let start = out.count
        let count = to &- from
        out.reserve(count / 4 &* 3 &+ Base64.decodeSlack)
        var written = Base64.decode(UnsafePointer(answer.base) + from, count, to: out.base + start)
        if written < 0 { written = try decodeEscaped(piece(from, to), at: from, to: out) }
        let end = start &+ written
        dataBytes &+= written
        let base = UnsafePointer(out.base)
        if isTaken(base, start, end) {
            var lineBreaks = JSONLineBreaks()
            if JSONText.isValid(base, start, end, depth: Self.depth, lineBreaks: &lineBreaks) {
                if lineBreaks.isEmpty { out.setCount(end) } else { appendAsLine(start, end, lineBreaks, to: out) }
                return
            }
        }
        appendText(start, end, to: out)
    }

    /// Whether the option wants these bytes tried as JSON.
    @inline(__always)
    private func isTaken(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        switch shouldParse {
        case .never: return false
        case .always: return true
        case .auto:
            guard end &- start >= 2 else { return false }
            let first = base[start]
            let last = base[end &- 1]
            return (first == UInt8(ascii: "{") || first == UInt8(ascii: "["))
                && (last == UInt8(ascii: "}") || last == UInt8(ascii: "]"))
        }
    }

    /// Data between `start` and `end`, behind the output's count, that is no JSON: a string, or base64 when it is
    /// not UTF-8.
    private func appendText(_ start: Int, _ end: Int, to out: ByteBuffer) {
        scratch.removeAll()
        scratch.append(UnsafeRawBufferPointer(start: out.base + start, count: end - start))
        if UTF8Text.isValid(scratch.bytes) {
            JSONText.appendString(scratch.bytes, to: out)
        } else {
            out.append(UInt8(ascii: "\""))
            Base64.encode(scratch.bytes, to: out)
            out.append("\",\"dataEncoding\":\"base64\"")
        }
    }

    /// Base64 in which the JSON text escapes characters (`\/`, `\u002b`), as some writers of JSON do.
    private func decodeEscaped(
        _ raw: UnsafeRawBufferPointer, at offset: Int, to out: ByteBuffer
    ) throws(GetRecordsError) -> Int {
        unescaped.removeAll()
        // The scanner has not looked into this string: as a JSON value it must be whole first.
        let quoted = UnsafeRawBufferPointer(start: raw.baseAddress! - 1, count: raw.count + 2)
        guard raw.contains(UInt8(ascii: "\\")), JSONText.isValid(quoted),
            JSONText.appendUnescaped(raw, to: unescaped) == nil
        else { throw GetRecordsError(.badField("Data"), at: offset) }
        let written = Base64.decode(UnsafePointer(unescaped.base), unescaped.count, to: out.base + out.count)
        guard written >= 0 else { throw GetRecordsError(.badField("Data"), at: offset) }
        return written
    }

    /// Valid JSON between `start` and `end`, behind the output's count, that has line breaks.
    private func appendAsLine(_ start: Int, _ end: Int, _ lineBreaks: JSONLineBreaks, to out: ByteBuffer) {
        let end = lineBreaks.contains(.betweenTokens) ? Self.removeLineBreaks(out.base, start, end) : end
        guard lineBreaks.contains(.inStrings) else { return out.setCount(end) }
        scratch.removeAll()
        scratch.append(UnsafeRawBufferPointer(start: out.base + start, count: end - start))
        JSONText.appendEscapingLineBreaks(scratch.bytes, to: out)
    }

    /// Takes line feeds and carriage returns out of valid JSON, where they can only stand between tokens. Returns the
    /// new end.
    private static func removeLineBreaks(_ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        var target = start
        for at in start..<end where base[at] != 0x0a && base[at] != 0x0d {
            base[target] = base[at]
            target &+= 1
        }
        return target
    }

    @inline(__always)
    private func piece(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: answer.base + start, count: end &- start)
    }
}
