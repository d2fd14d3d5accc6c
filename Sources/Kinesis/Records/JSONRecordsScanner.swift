import Bytes
import JSON

/// Of an answer in JSON. Unknown members are checked and skipped.
struct JSONRecordsScanner: GetRecordsScanner {
    private(set) var envelope = GetRecordsEnvelope()
    private(set) var isDone = false
    /// Whether `envelope.millisBehindLatest` is known already, from before the records or from the answer's tail.
    private var hasLag = false
    private var hasRecords = false
    private var isFirst = true
    private var at = 0

    /// Kept alive here, because `base` points into it.
    private let answer: ByteBuffer
    private let base: UnsafePointer<UInt8>
    private let end: Int

    /// Brackets that may be open inside a member that is skipped.
    private static let depth = 64
    /// How much of the answer's end is searched for the lag. The members that the service may write behind the
    /// records (an iterator of at most 512 characters, two child shards) are not a tenth of it.
    private static let tailBytes = 32 * 1024

    init(_ answer: ByteBuffer) {
        self.answer = answer
        base = UnsafePointer(answer.base)
        end = answer.count
    }

    var offset: Int { at }

    mutating func open() throws(GetRecordsError) {
        try expect(UInt8(ascii: "{"))
        isFirst = true
        try readMembers()
        if !isDone && !hasLag { findLag() }
    }

    mutating func next(_ record: inout RecordFields) throws(GetRecordsError) -> Bool {
        if isDone { return false }
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        if base[at] == UInt8(ascii: "]") {
            try finish()
            return false
        }
        if !isFirst {
            try expect(UInt8(ascii: ","))
            skipSpace()
        }
        isFirst = false
        record = RecordFields()
        try readRecord(&record)
        return true
    }

    mutating func hasNext() throws(GetRecordsError) -> Bool {
        if isDone { return false }
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        if base[at] != UInt8(ascii: "]") { return true }
        try finish()
        return false
    }

    // MARK: The envelope

    /// Behind the list of records: the members after it, and nothing more.
    private mutating func finish() throws(GetRecordsError) {
        at += 1
        isFirst = false
        try readMembers()
        guard isDone else { throw GetRecordsError(.badField("Records"), at: at) }
    }

    /// Reads members until the list of records begins (then the cursor is inside it) or the object ends.
    private mutating func readMembers() throws(GetRecordsError) {
        while true {
            skipSpace()
            guard at < end else { throw fail(.unexpectedEnd) }
            if base[at] == UInt8(ascii: "}") {
                at += 1
                skipSpace()
                guard at == end else { throw GetRecordsError(.json(.trailingBytes), at: at) }
                isDone = true
                return
            }
            if !isFirst { try expect(UInt8(ascii: ",")) }
            isFirst = false
            let key = try readKey()
            if key.isString("Records"), try beginRecords() { return }
            try readMember(key)
        }
    }

    /// Whether the value at the cursor is the list of records; a null counts as none.
    private mutating func beginRecords() throws(GetRecordsError) -> Bool {
        guard !hasRecords else { throw GetRecordsError(.badField("Records"), at: at) }
        guard at < end else { throw fail(.unexpectedEnd) }
        if base[at] == UInt8(ascii: "n") { return false }
        guard base[at] == UInt8(ascii: "[") else { throw GetRecordsError(.badField("Records"), at: at) }
        at += 1
        hasRecords = true
        isFirst = true
        return true
    }

    private mutating func readMember(_ key: JSONSpan) throws(GetRecordsError) {
        let start = at
        let value = try readValue()
        if value.kind == .null { return }
        if key.isString("MillisBehindLatest") {
            guard let lag = Self.integer(value), lag >= 0 else {
                throw GetRecordsError(.badField("MillisBehindLatest"), at: start)
            }
            envelope.millisBehindLatest = lag
            hasLag = true
        } else if key.isString("NextShardIterator") {
            guard let token = try? value.string() else {
                throw GetRecordsError(.badField("NextShardIterator"), at: start)
            }
            envelope.next = .iterator(ShardIterator(token))
        } else if key.isString("ContinuationSequenceNumber") {
            guard let number = (try? value.string()).flatMap(SequenceNumber.init) else {
                throw GetRecordsError(.badField("ContinuationSequenceNumber"), at: start)
            }
            envelope.next = .continuation(number)
        } else if key.isString("ChildShards") {
            do {
                let fields = ResponseFields(.object([JSONMember(key: "ChildShards", value: try value.value())]))
                envelope.childShards = try fields.list("ChildShards").map { try ChildShard($0) }
            } catch {
                throw GetRecordsError(.badField("ChildShards"), at: start)
            }
        }
    }

    private static func integer(_ value: JSONSpan) -> Int? {
        value.kind == .number ? JSONValue.number(String(decoding: value.raw, as: UTF8.self)).int : nil
    }

    // MARK: The lag, when it stands behind the records

    /// Looks for the lag without moving the cursor. The service writes it before the records; moto and others after.
    /// What cannot be found is 0; when the answer is broken, reading on will say so.
    private mutating func findLag() {
        if let lag = lagInTail() { envelope.millisBehindLatest = lag }
        hasLag = true
    }

    /// Tries each `"MillisBehindLatest"` of the last few KiB: when the members from there on close an object exactly
    /// at the answer's end, that object is the answer itself, for brackets nest and only one closes last.
    private func lagInTail() -> Int? {
        let name: StaticString = "\"MillisBehindLatest\""
        var place = end - name.utf8CodeUnitCount
        while place > max(at, end - Self.tailBytes) {
            // An escaped quote would be the inside of a string.
            if base[place] == UInt8(ascii: "\""), base[place - 1] != UInt8(ascii: "\\"),
                Self.matches(base + place, name)
            {
                var tail = self
                tail.at = place
                tail.isFirst = true
                tail.hasRecords = true
                tail.envelope = GetRecordsEnvelope()
                if (try? tail.readMembers()) != nil, tail.isDone { return tail.envelope.millisBehindLatest }
            }
            place -= 1
        }
        return nil
    }

    // MARK: One record

    private mutating func readRecord(_ record: inout RecordFields) throws(GetRecordsError) {
        let start = at
        try expect(UInt8(ascii: "{"))
        var isFirst = true
        while true {
            skipSpace()
            if at >= end { throw fail(.unexpectedEnd) }
            if base[at] == UInt8(ascii: "}") {
                at &+= 1
                break
            }
            if !isFirst {
                try expect(UInt8(ascii: ","))
                skipSpace()
            }
            isFirst = false
            try readField(&record)
        }
        if record.sequenceNumberStart < 0 { throw GetRecordsError(.badField("SequenceNumber"), at: start) }
        if record.dataStart < 0 { throw GetRecordsError(.badField("Data"), at: start) }
    }

    /// One member of a record. The keys are told by their first letter and then compared whole; a key that is
    /// written with escapes takes the slow way.
    private mutating func readField(_ record: inout RecordFields) throws(GetRecordsError) {
        guard at &+ 32 < end else { return try readRareField(&record) }
        let key = base + at
        if Self.matches(key, "\"Data\"") {
            at &+= 6
            try readData(&record)
        } else if Self.matches(key, "\"SequenceNumber\"") {
            at &+= 16
            try readSequenceNumber(&record)
        } else if Self.matches(key, "\"PartitionKey\"") {
            at &+= 14
            try readPartitionKey(&record)
        } else if Self.matches(key, "\"ApproximateArrivalTimestamp\"") {
            at &+= 29
            try readArrival(&record)
        } else if Self.matches(key, "\"EncryptionType\"") {
            at &+= 16
            try readEncryptionType(&record)
        } else {
            try readRareField(&record)
        }
    }

    private mutating func readRareField(_ record: inout RecordFields) throws(GetRecordsError) {
        let key = try readKey(skipColon: false)
        if key.isString("Data") {
            try readData(&record)
        } else if key.isString("SequenceNumber") {
            try readSequenceNumber(&record)
        } else if key.isString("PartitionKey") {
            try readPartitionKey(&record)
        } else if key.isString("ApproximateArrivalTimestamp") {
            try readArrival(&record)
        } else if key.isString("EncryptionType") {
            try readEncryptionType(&record)
        } else {
            try skipColon()
            _ = try readValue()
        }
    }

    /// A string that is not looked into: base64 has no quote, so the next quote ends it, and `RecordBatchEncoder`
    /// finds whatever else is wrong.
    private mutating func readData(_ record: inout RecordFields) throws(GetRecordsError) {
        try skipColon()
        guard at < end, base[at] == UInt8(ascii: "\""), record.dataStart < 0 else { throw bad("Data") }
        at &+= 1
        record.dataStart = at
        at = ByteSearch.quote(base, at, end)
        if at >= end { throw fail(.unexpectedEnd) }
        record.dataEnd = at
        at &+= 1
    }

    private mutating func readSequenceNumber(_ record: inout RecordFields) throws(GetRecordsError) {
        try skipColon()
        guard at < end, base[at] == UInt8(ascii: "\""), record.sequenceNumberStart < 0 else {
            throw bad("SequenceNumber")
        }
        let start = at &+ 1
        var place = start
        while place < end, base[place] &- UInt8(ascii: "0") < 10 { place &+= 1 }
        guard place < end else {
            at = end
            throw fail(.unexpectedEnd)
        }
        let count = place &- start
        guard base[place] == UInt8(ascii: "\""), count >= 1, count <= SequenceNumber.maximumDigits,
            count == 1 || base[start] != UInt8(ascii: "0")
        else { throw bad("SequenceNumber") }
        record.sequenceNumberStart = start
        record.sequenceNumberEnd = place
        at = place &+ 1
    }

    private mutating func readPartitionKey(_ record: inout RecordFields) throws(GetRecordsError) {
        try readString("PartitionKey", &record.partitionKeyStart, &record.partitionKeyEnd, &record.lineBreaks)
    }

    private mutating func readEncryptionType(_ record: inout RecordFields) throws(GetRecordsError) {
        try readString("EncryptionType", &record.encryptionTypeStart, &record.encryptionTypeEnd, &record.lineBreaks)
    }

    /// A string that is given on as it is written; null counts as absent.
    private mutating func readString(
        _ name: StaticString, _ start: inout Int, _ stop: inout Int, _ lineBreaks: inout JSONLineBreaks
    ) throws(GetRecordsError) {
        try skipColon()
        guard at < end else { throw fail(.unexpectedEnd) }
        guard base[at] == UInt8(ascii: "\""), start < 0 else {
            if start < 0, base[at] == UInt8(ascii: "n") {
                _ = try readValue()
                return
            }
            throw bad(name.description)
        }
        at &+= 1
        start = at
        let fault = JSONText.skipString(base, &at, end, &lineBreaks)
        if fault != .none { throw fail(fault) }
        stop = at &- 1
    }

    private mutating func readArrival(_ record: inout RecordFields) throws(GetRecordsError) {
        try skipColon()
        guard record.arrival == RecordFields.noArrival else { throw bad("ApproximateArrivalTimestamp") }
        let start = at
        if let time = EpochSeconds.scan(base, &at, end) {
            record.arrival = time
            return
        }
        at = start
        let value = try readValue()
        if value.kind == .null { return }
        guard value.kind == .number, let time = EpochSeconds.read(value.raw) else {
            throw GetRecordsError(.badField("ApproximateArrivalTimestamp"), at: start)
        }
        record.arrival = time
    }

    // MARK: Steps

    private mutating func readKey(skipColon: Bool = true) throws(GetRecordsError) -> JSONSpan {
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        guard base[at] == UInt8(ascii: "\"") else { throw fail(.unexpectedByte) }
        let key = try readValue()
        if skipColon {
            try self.skipColon()
        }
        return key
    }

    private mutating func readValue() throws(GetRecordsError) -> JSONSpan {
        skipSpace()
        let start = at
        var lineBreaks = JSONLineBreaks()
        let fault = JSONText.skipValue(base, &at, end, depth: Self.depth, lineBreaks: &lineBreaks)
        if fault != .none { throw fail(fault) }
        return JSONSpan(checked: UnsafeRawBufferPointer(start: base + start, count: at - start), offset: start)
    }

    @inline(__always)
    private mutating func skipColon() throws(GetRecordsError) {
        try expect(UInt8(ascii: ":"))
        skipSpace()
    }

    @inline(__always)
    private mutating func expect(_ byte: UInt8) throws(GetRecordsError) {
        skipSpace()
        if at >= end { throw fail(.unexpectedEnd) }
        if base[at] != byte { throw fail(.unexpectedByte) }
        at &+= 1
    }

    @inline(__always)
    private mutating func skipSpace() {
        while at < end, base[at] <= 0x20 {
            let byte = base[at]
            if byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09 { return }
            at &+= 1
        }
    }

    /// Whether this text stands at the place; the caller knows that so many bytes are there.
    @inline(__always)
    private static func matches(_ place: UnsafePointer<UInt8>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        var index = 0
        while index < count {
            if place[index] != text.utf8Start[index] { return false }
            index &+= 1
        }
        return true
    }

    private func fail(_ fault: JSONFault) -> GetRecordsError {
        let error = fault.error(at: at, byte: at < end ? base[at] : nil, limits: JSONLimits(depth: Self.depth))
        return GetRecordsError(.json(error.reason), at: error.offset)
    }

    private func bad(_ name: String) -> GetRecordsError {
        at < end ? GetRecordsError(.badField(name), at: at) : fail(.unexpectedEnd)
    }
}
