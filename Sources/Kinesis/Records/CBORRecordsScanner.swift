import Bytes
import CBOR
import JSON

/// Of an answer in CBOR, whose data is bytes; a text counts as base64, which some emulators write. Unknown members are passed
/// over. Source: RFC 8949, section 3.
///
/// Strings that come in chunks are refused where they are a record's: their bytes do not lie together.
struct CBORRecordsScanner: GetRecordsScanner {
    private(set) var envelope = GetRecordsEnvelope()
    private(set) var isDone = false
    private var hasLag = false
    private var hasRecords = false
    private var steps: CBORSteps
    /// Of the answer's members, and of the list of records.
    private var members = CBORSteps.Left.untilBreak
    private var records = CBORSteps.Left.untilBreak

    init(_ answer: ByteBuffer) {
        steps = CBORSteps(answer)
    }

    var offset: Int { steps.at }

    mutating func open() throws(GetRecordsError) {
        members = try steps.begin(.map)
        try readMembers()
        if !isDone, !hasLag { findLag() }
    }

    mutating func next(_ record: inout RecordFields) throws(GetRecordsError) -> Bool {
        guard try hasNext() else { return false }
        _ = try steps.take(&records)
        record = RecordFields()
        record.isEscaped = false
        try readRecord(&record)
        return true
    }

    mutating func hasNext() throws(GetRecordsError) -> Bool {
        if isDone { return false }
        if try steps.hasMore(records) { return true }
        _ = try steps.take(&records)
        try readMembers()
        guard isDone else { throw bad("Records") }
        return false
    }

    // MARK: The envelope

    /// Reads members until the list of records begins (then the cursor is inside it) or the map ends.
    private mutating func readMembers() throws(GetRecordsError) {
        while try steps.take(&members) {
            let key = try steps.text()
            if steps.matches(key, "Records"), try beginRecords() { return }
            if steps.matches(key, "MillisBehindLatest") {
                try readLag()
            } else if steps.matches(key, "NextShardIterator") {
                try readIterator()
            } else if steps.matches(key, "ChildShards") {
                try readChildShards()
            } else if !steps.matches(key, "Records") {
                try steps.skip()
            }
        }
        try steps.end()
        isDone = true
    }

    /// Whether the value at the cursor is the list of records; a null counts as none.
    private mutating func beginRecords() throws(GetRecordsError) -> Bool {
        guard !hasRecords else { throw bad("Records") }
        if steps.takeNull() { return false }
        guard steps.isAt(.array) else { throw bad("Records") }
        records = try steps.begin(.array)
        hasRecords = true
        return true
    }

    private mutating func readLag() throws(GetRecordsError) {
        if steps.takeNull() { return }
        let start = steps.at
        let head = try steps.head()
        guard head.major == .unsigned, head.argument >= 0 else { throw bad("MillisBehindLatest", at: start) }
        envelope.millisBehindLatest = head.argument
        hasLag = true
    }

    private mutating func readIterator() throws(GetRecordsError) {
        if steps.takeNull() { return }
        let start = steps.at
        guard let place = try steps.text(), steps.isUTF8(place) else {
            throw bad("NextShardIterator", at: start)
        }
        envelope.next = .iterator(ShardIterator(steps.string(place)))
    }

    private mutating func readChildShards() throws(GetRecordsError) {
        let start = steps.at
        try steps.skip()
        do {
            let value = JSONValue(try CBORValue(steps.input, start..<steps.at))
            let fields = ResponseFields(.object([JSONMember(key: "ChildShards", value: value)]))
            envelope.childShards = try fields.list("ChildShards").map { try ChildShard($0) }
        } catch {
            throw bad("ChildShards", at: start)
        }
    }

    /// Looks for the lag behind the records without moving the cursor: a length says where each item ends, so that 10,000
    /// records are passed in half a millisecond. What cannot be found is 0; when the answer is broken, reading on will say so.
    private mutating func findLag() {
        hasLag = true
        var tail = self
        do throws(GetRecordsError) {
            while try tail.steps.take(&tail.records) { try tail.steps.skip() }
            try tail.readMembers()
        } catch {
            return
        }
        envelope.millisBehindLatest = tail.envelope.millisBehindLatest
    }

    // MARK: One record

    private mutating func readRecord(_ record: inout RecordFields) throws(GetRecordsError) {
        let start = steps.at
        var fields = try steps.begin(.map)
        while try steps.take(&fields) {
            let key = try steps.text()
            if steps.matches(key, "Data") {
                try readData(&record)
            } else if steps.matches(key, "SequenceNumber") {
                try readSequenceNumber(&record)
            } else if steps.matches(key, "PartitionKey") {
                try readString("PartitionKey", &record.partitionKeyStart, &record.partitionKeyEnd)
            } else if steps.matches(key, "ApproximateArrivalTimestamp") {
                try readArrival(&record)
            } else if steps.matches(key, "EncryptionType") {
                try readString("EncryptionType", &record.encryptionTypeStart, &record.encryptionTypeEnd)
            } else {
                try steps.skip()
            }
        }
        if record.sequenceNumberStart < 0 { throw bad("SequenceNumber", at: start) }
        if record.dataStart < 0 { throw bad("Data", at: start) }
    }

    private mutating func readData(_ record: inout RecordFields) throws(GetRecordsError) {
        let start = steps.at
        let head = try steps.head()
        guard head.major == .bytes || head.major == .text, head.argument >= 0, record.dataStart < 0 else {
            throw bad("Data", at: start)
        }
        record.isBase64 = head.major == .text
        record.dataStart = steps.at
        try steps.advance(head.argument)
        record.dataEnd = steps.at
    }

    private mutating func readSequenceNumber(_ record: inout RecordFields) throws(GetRecordsError) {
        let start = steps.at
        guard let place = try steps.text(), place.count <= SequenceNumber.maximumDigits,
            steps.isNumber(place), record.sequenceNumberStart < 0
        else { throw bad("SequenceNumber", at: start) }
        record.sequenceNumberStart = place.lowerBound
        record.sequenceNumberEnd = place.upperBound
    }

    /// A text; null counts as absent.
    private mutating func readString(
        _ name: StaticString, _ first: inout Int, _ stop: inout Int
    ) throws(GetRecordsError) {
        if first < 0, steps.takeNull() { return }
        let start = steps.at
        guard let place = try steps.text(), first < 0, steps.isUTF8(place) else {
            throw bad(name, at: start)
        }
        first = place.lowerBound
        stop = place.upperBound
    }

    /// Milliseconds, with tag 1 or without, in any form of number.
    private mutating func readArrival(_ record: inout RecordFields) throws(GetRecordsError) {
        if steps.takeNull() { return }
        let start = steps.at
        var head = try steps.head()
        if head.major == .tag, head.argument == 1 { head = try steps.head() }
        guard let time = head.number, time <= EpochSeconds.maximumMilliseconds,
            record.arrival == RecordFields.noArrival
        else { throw bad("ApproximateArrivalTimestamp", at: start) }
        record.arrival = time
    }

    private func bad(_ name: StaticString, at place: Int? = nil) -> GetRecordsError {
        GetRecordsError(.badField(name.description), at: place ?? steps.at)
    }
}
