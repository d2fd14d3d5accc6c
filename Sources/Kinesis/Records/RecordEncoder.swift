import Bytes
import JSON

/// Writes one record of an answer as it stands in an event: keys in the API's camelCase, `data` as JSON, as a string
/// or as base64. Performs no I/O and allocates nothing per record but for what is not JSON, once.
///
/// The base64 is decoded straight into the output, as bytes are copied there, and checked there; when it is not the JSON that
/// it was taken for, the output is cut back and the same bytes are written as a string. A JSON payload stays as it is, but for white space
/// around it, which goes, and what ends a line: line breaks between its tokens go, those in its strings become escapes,
/// because an event is one line.
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
    /// - Parameters:
    ///   - data: what is given as the data; nil: the record's own.
    ///   - pointer: to the large item that is given as the data.
    mutating func append(
        _ record: RecordFields, _ data: UnsafeRawBufferPointer?, _ error: DataError?, _ pointer: ByteBuffer? = nil,
        to out: ByteBuffer
    ) throws(GetRecordsError) {
        appendNumber(record, to: out)
        if record.partitionKeyStart >= 0 {
            out.append("\",\"partitionKey\":\"")
            append(piece(record.partitionKeyStart, record.partitionKeyEnd), of: record, to: out)
        }
        appendArrivalAndType(record, to: out)
        if let data {
            appendBytes(data, to: out)
        } else if record.isBase64 {
            try appendBase64(record.dataStart, record.dataEnd, to: out)
        } else {
            appendBytes(piece(record.dataStart, record.dataEnd), to: out)
        }
        if let error { append(error, to: out) }
        if let pointer { appendMembers(beside: pointer, to: out) }
        out.append(UInt8(ascii: "}"))
    }

    /// One of an aggregated record's user records.
    mutating func append(
        _ user: AggregatedRecords.UserRecord, in aggregate: ByteBuffer, _ data: UnsafeRawBufferPointer,
        _ error: DataError?, _ pointer: ByteBuffer? = nil, of record: RecordFields, to out: ByteBuffer
    ) {
        appendNumber(record, to: out)
        out.append("\",\"subSequenceNumber\":")
        out.append(decimal: user.subSequenceNumber)
        out.append(",\"partitionKey\":\"")
        JSONText.appendEscaped(piece(user.partitionKey, in: aggregate), to: out)
        if let key = user.explicitHashKey {
            out.append("\",\"explicitHashKey\":\"")
            out.append(piece(key, in: aggregate))
        }
        appendArrivalAndType(record, to: out)
        appendBytes(data, to: out)
        if let error { append(error, to: out) }
        if let pointer { appendMembers(beside: pointer, to: out) }
        out.append(UInt8(ascii: "}"))
    }

    /// The record up to the end of its number, whose quote is still open.
    @inline(__always)
    private func appendNumber(_ record: RecordFields, to out: ByteBuffer) {
        out.append("{\"sequenceNumber\":\"")
        out.append(piece(record.sequenceNumberStart, record.sequenceNumberEnd))
    }

    /// What stands between the keys, of which the last one's quote is still open, and the data.
    @inline(__always)
    private mutating func appendArrivalAndType(_ record: RecordFields, to out: ByteBuffer) {
        if record.arrival != RecordFields.noArrival {
            out.append("\",\"approximateArrivalTimestamp\":\"")
            timestamp.append(record.arrival, to: out)
        }
        if record.encryptionTypeStart >= 0 {
            out.append("\",\"encryptionType\":\"")
            append(piece(record.encryptionTypeStart, record.encryptionTypeEnd), of: record, to: out)
            out.append("\",\"data\":")
        } else {
            // The service leaves the type out of records that it holds unencrypted.
            out.append("\",\"encryptionType\":\"NONE\",\"data\":")
        }
    }

    /// Names of members that a record has itself: what stands beside a pointer under one of them is left out.
    private static let ownMembers: Set = [
        "sequenceNumber", "subSequenceNumber", "partitionKey", "explicitHashKey", "approximateArrivalTimestamp",
        "encryptionType", "data", "dataEncoding", "dataError", ItemPointer.member.description,
    ]

    /// What stands beside the pointer stands beside the record's data, as lifion-kinesis has it.
    private mutating func appendMembers(beside pointer: ByteBuffer, to out: ByteBuffer) {
        let members = ItemPointer.members(of: pointer.bytes) { !Self.ownMembers.contains($0) }
        for (name, value) in members ?? [] {
            out.append(UInt8(ascii: ","))
            appendJSON(name.raw, to: out)
            out.append(UInt8(ascii: ":"))
            appendJSON(value.raw, to: out)
        }
    }

    /// A JSON value that is valid, as one line.
    private mutating func appendJSON(_ value: UnsafeRawBufferPointer, to out: ByteBuffer) {
        let start = out.count
        out.append(value)
        out.setCount(start)
        var lineBreaks = JSONLineBreaks()
        _ = JSONText.isValid(out.base, start, start + value.count, depth: Self.depth, lineBreaks: &lineBreaks)
        if lineBreaks.isEmpty {
            out.setCount(start + value.count)
        } else {
            appendAsLine(start, start + value.count, lineBreaks, to: out)
        }
    }

    private func append(_ error: DataError, to out: ByteBuffer) {
        out.append(",\"dataError\":{\"code\":\"")
        out.append(error.code)
        out.append("\",\"detail\":")
        JSONText.appendString(error.detail, to: out)
        out.append(UInt8(ascii: "}"))
    }

    /// Bytes that the record takes in an event, as far as its places tell without reading its data: it takes more where
    /// the data has escapes, and less where it has line breaks.
    func estimatedBytes(_ record: RecordFields) -> Int {
        (record.dataEnd &- record.dataStart) / 4 &* (record.isBase64 ? 3 : 4)
            &+ (record.sequenceNumberEnd &- record.sequenceNumberStart)
            &+ (record.partitionKeyEnd &- max(record.partitionKeyStart, 0)) &+ Self.bytesAround
    }

    /// The same of a user record.
    func estimatedBytes(_ user: AggregatedRecords.UserRecord, of record: RecordFields) -> Int {
        user.data.count &+ user.partitionKey.count &+ (user.explicitHashKey?.count ?? 0)
            &+ (record.sequenceNumberEnd &- record.sequenceNumberStart) &+ Self.bytesAround
    }

    /// The names of a record's members, and the values that are always as long.
    private static let bytesAround = 128

    /// A text of the record: raw JSON is given on as it is written.
    private func append(_ text: UnsafeRawBufferPointer, of record: RecordFields, to out: ByteBuffer) {
        if !record.isEscaped {
            JSONText.appendEscaped(text, to: out)
        } else if record.lineBreaks.isEmpty {
            out.append(text)
        } else {
            JSONText.appendEscapingLineBreaks(text, to: out)
        }
    }

    private mutating func appendBytes(_ data: UnsafeRawBufferPointer, to out: ByteBuffer) {
        dataBytes &+= data.count
        if shouldParse != .never {
            let start = out.count
            out.append(data)
            out.setCount(start)
            if takeJSON(start, start &+ data.count, in: out) { return }
        }
        appendText(data, to: out)
    }

    private mutating func appendBase64(_ from: Int, _ to: Int, to out: ByteBuffer) throws(GetRecordsError) {
        let start = out.count
        let count = to &- from
        out.reserve(count / 4 &* 3 &+ Base64.decodeSlack)
        var written = Base64.decode(UnsafePointer(answer.base) + from, count, to: out.base + start)
        if written < 0 { written = try decodeEscaped(piece(from, to), at: from, to: out) }
        let end = start &+ written
        dataBytes &+= written
        if shouldParse == .never || !takeJSON(start, end, in: out) {
            scratch.removeAll()
            scratch.append(UnsafeRawBufferPointer(start: out.base + start, count: written))
            appendText(scratch.bytes, to: out)
        }
    }

    /// Makes what stands between `start` and `end`, behind the output's count, the record's data, where it is JSON that
    /// the option wants embedded. White space around it is left out: many writers end every record with a line feed.
    @inline(__always)
    private func takeJSON(_ start: Int, _ end: Int, in out: ByteBuffer) -> Bool {
        let base = out.base
        var first = start
        var last = end
        while first < last, Self.isSpace(base[first]) { first &+= 1 }
        while first < last, Self.isSpace(base[last &- 1]) { last &-= 1 }
        guard shouldParse == .always || Self.hasBrackets(base, first, last) else { return false }
        var lineBreaks = JSONLineBreaks()
        guard JSONText.isValid(base, first, last, depth: Self.depth, lineBreaks: &lineBreaks) else { return false }
        guard lineBreaks.isEmpty else {
            appendAsLine(first, last, lineBreaks, to: out)
            return true
        }
        if first > start { (base + start).update(from: base + first, count: last &- first) }
        out.setCount(start &+ last &- first)
        return true
    }

    /// Whether these bytes look like an object or an array.
    @inline(__always)
    private static func hasBrackets(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end &- start >= 2 else { return false }
        let first = base[start]
        let last = base[end &- 1]
        return (first == UInt8(ascii: "{") || first == UInt8(ascii: "["))
            && (last == UInt8(ascii: "}") || last == UInt8(ascii: "]"))
    }

    /// White space of JSON (RFC 8259, 2).
    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte <= 0x20 && (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)
    }

    /// Data that is no JSON: a string, or base64 when it is not UTF-8.
    private func appendText(_ data: UnsafeRawBufferPointer, to out: ByteBuffer) {
        if UTF8Text.isValid(data) {
            JSONText.appendString(data, to: out)
        } else {
            out.append(UInt8(ascii: "\""))
            Base64.encode(data, to: out)
            out.append("\",\"dataEncoding\":\"base64\"")
        }
    }

    private func decodeEscaped(
        _ raw: UnsafeRawBufferPointer, at offset: Int, to out: ByteBuffer
    ) throws(GetRecordsError) -> Int {
        unescaped.removeAll()
        guard Base64Data.unescape(raw, to: unescaped) else { throw GetRecordsError(.badField("Data"), at: offset) }
        let written = Base64.decode(UnsafePointer(unescaped.base), unescaped.count, to: out.base + out.count)
        guard written >= 0 else { throw GetRecordsError(.badField("Data"), at: offset) }
        return written
    }

    /// Makes valid JSON between `first` and `last`, behind the output's count, one line at the output's end.
    private func appendAsLine(_ first: Int, _ last: Int, _ lineBreaks: JSONLineBreaks, to out: ByteBuffer) {
        let start = out.count
        let end = Self.removeLineBreaks(out.base, first, last, to: start)
        guard lineBreaks.contains(.inStrings) else { return out.setCount(end) }
        scratch.removeAll()
        scratch.append(UnsafeRawBufferPointer(start: out.base + start, count: end - start))
        JSONText.appendEscapingLineBreaks(scratch.bytes, to: out)
    }

    /// Moves valid JSON to `target`, at or before its start, without line feeds and carriage returns, which can only
    /// stand between tokens. Returns the new end.
    private static func removeLineBreaks(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, to target: Int
    ) -> Int {
        var target = target
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

    private func piece(_ place: Range<Int>, in buffer: ByteBuffer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: buffer.base + place.lowerBound, count: place.count)
    }
}
