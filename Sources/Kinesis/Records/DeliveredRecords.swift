import Bytes
import Time

/// Pulls what is to be delivered out of a GetRecords response: its records, or the user records of those that are aggregated.
/// Performs no I/O.
///
/// A record that is not aggregated is passed through as the scanner found it. Of an aggregated one the base64 is decoded once,
/// into a buffer that the next one uses again; its user records are places in it.
struct DeliveredRecords {
    /// What of a record is delivered.
    enum Part {
        /// All of it as it is; of an aggregated one that is not taken apart with the reason.
        case whole(AggregatedRecords.Excess?)
        /// One of its user records. `isLast`: none of the aggregate is to be delivered behind it.
        case user(AggregatedRecords.UserRecord, isLast: Bool)
    }

    /// Where a record lies in the shard: what its checkpoint is made of.
    struct Place {
        let number: Range<Int>
        let arrival: Int64
        /// Of its user record.
        let subSequenceNumber: Int?
        let isLast: Bool
    }

    private struct Aggregate {
        var records: AggregatedRecords
        /// Whether any of its user records was given out.
        var isAnyGiven = false
    }

    private let response: ByteBuffer
    private let deaggregation: Deaggregation
    private var scanner: any GetRecordsScanner
    private var isOpen = false
    /// Records up to here are left out; nil from the first record behind it on.
    private var skip: Checkpoint?
    /// Whose user records are being given out.
    private var aggregate: Aggregate?
    /// What base64 becomes. In CBOR an aggregate lies in the response.
    private let decoded = ByteBuffer()
    /// Records of the response that were read and not left out because of `skip`.
    private(set) var readCount = 0
    /// The last record, where nothing of it was to be delivered.
    private var passedPlace: Place?
    /// Of the aggregates that are closed.
    private var droppedBefore = 0

    init(_ response: ByteBuffer, _ deaggregation: Deaggregation, skip: Checkpoint?) {
        self.response = response
        self.deaggregation = deaggregation
        self.skip = skip
        scanner = response.recordsScanner
    }

    // MARK: The record that was pulled last

    private(set) var fields = RecordFields()
    private(set) var part = Part.whole(nil)

    /// What the places of its user record are in.
    var userBytes: ByteBuffer { aggregate?.records.buffer ?? response }

    /// Of that user record.
    func userData(_ user: AggregatedRecords.UserRecord) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: userBytes.bytes[user.data])
    }

    /// Where it begins, as `offset` counts.
    var start: Int {
        switch part {
        case .whole: min(fields.sequenceNumberStart, fields.dataStart)
        case .user: offset
        }
    }

    var place: Place {
        let number = fields.sequenceNumberStart..<fields.sequenceNumberEnd
        return switch part {
        case .whole: Place(number: number, arrival: fields.arrival, subSequenceNumber: nil, isLast: true)
        case .user(let user, let isLast):
            Place(number: number, arrival: fields.arrival, subSequenceNumber: user.subSequenceNumber, isLast: isLast)
        }
    }

    // MARK: Queries

    var millisBehindLatest: Int { scanner.envelope.millisBehindLatest }

    /// nil until the last record was pulled.
    var envelope: GetRecordsEnvelope? {
        scanner.isDone && (aggregate?.records.isAtEnd ?? true) ? scanner.envelope : nil
    }

    /// As `RecordBatchEncoder.passed`.
    var passed: Checkpoint? { passedPlace.map { checkpoint($0) } }

    var droppedCount: Int { droppedBefore + (aggregate?.records.droppedCount ?? 0) }

    var heldBytes: Int { decoded.isEmpty ? 0 : decoded.capacity }

    /// Bytes of the response that were read; inside an aggregate as far as its user records were.
    var offset: Int {
        guard let inside = aggregate?.records.offset else { return scanner.offset }
        return min(fields.dataStart + inside, scanner.offset)
    }

    /// The shard is done through this with the record there. A client cannot know which user record is the last one of its
    /// aggregate.
    /// - Parameter isNamed: whether as a client says it, by the record's numbers.
    func checkpoint(_ place: Place, isNamed: Bool = false) -> Checkpoint {
        let digits = UnsafeRawBufferPointer(rebasing: response.bytes[place.number])
        let isWhole = place.isLast && !isNamed
        return Checkpoint(
            sequenceNumber: SequenceNumber(digits: digits),
            extent: isWhole ? .whole : place.subSequenceNumber.map { .part(through: $0) } ?? .whole,
            arrival: place.arrival == RecordFields.noArrival ? nil : WallTime(milliseconds: place.arrival))
    }

    // MARK: Pulling

    /// Goes to the next record to deliver; false when none is left.
    @inline(__always)
    mutating func next() throws(GetRecordsError) -> Bool {
        if isOpen, skip == nil, aggregate == nil {
            guard try scanner.next(&fields) else { return false }
            readCount &+= 1
            if !mayBeAggregate() {
                part = .whole(nil)
                passedPlace = nil
                return true
            }
            if try deliver() { return true }
        }
        return try nextSlowly()
    }

    /// Whether a record follows, or the rest of the one that is being given out; one that follows may turn out to hold nothing
    /// for this shard.
    mutating func hasNext() throws(GetRecordsError) -> Bool {
        if aggregate?.records.isAtEnd == false { return true }
        return try scanner.hasNext()
    }

    private mutating func nextSlowly() throws(GetRecordsError) -> Bool {
        if !isOpen {
            try scanner.open()
            isOpen = true
        }
        while true {
            if nextOfAggregate() { return true }
            guard try nextOfResponse() else { return false }
            if try deliver() { return true }
        }
    }

    /// Passes what `skip` says is done.
    private mutating func nextOfResponse() throws(GetRecordsError) -> Bool {
        guard try scanner.next(&fields) else { return false }
        while let skip, isDone(at: skip) {
            guard try scanner.next(&fields) else { return false }
        }
        readCount &+= 1
        return true
    }

    /// Goes to the first of what is delivered of the record that the scanner found; false where nothing of it is.
    private mutating func deliver() throws(GetRecordsError) -> Bool {
        let last = skip.flatMap(lastDone)
        skip = nil
        switch open(behind: last) {
        case .aggregate(let records):
            aggregate = Aggregate(records: records)
            return nextOfAggregate()
        case .none:
            part = .whole(nil)
            if last == 0, deaggregation != .never {
                // The KCL, and who works for it, name a record that is not aggregated by the sub-sequence number 0.
                passedPlace = place
                return false
            }
        case .tooLarge(let excess): part = .whole(excess)
        }
        passedPlace = nil
        return true
    }

    private mutating func nextOfAggregate() -> Bool {
        guard aggregate != nil else { return false }
        if let user = aggregate?.records.next() {
            aggregate?.isAnyGiven = true
            part = .user(user, isLast: aggregate?.records.isAtEnd ?? true)
            passedPlace = nil
            return true
        }
        droppedBefore = droppedCount
        if aggregate?.isAnyGiven == false {
            part = .whole(nil)
            passedPlace = place
        }
        aggregate = nil
        return false
    }

    // MARK: Aggregates

    /// Whether the data may begin with the magic of an aggregate; of base64 its first bytes are looked at only.
    @inline(__always)
    private func mayBeAggregate() -> Bool {
        if case .never = deaggregation { return false }
        guard fields.dataEnd &- fields.dataStart >= 4 else { return false }
        let start = UnsafeRawPointer(response.base + fields.dataStart)
        let first = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
        if !fields.isBase64 { return first == 0xc29a_89f3 }
        // "84ma", or an escape of JSON, with which one of these may be written too.
        return first == 0x616d_3438 || first & 0xff == 0x5c
    }

    /// The last user record of the record that the scanner found, where a part of it is done.
    private func lastDone(by done: Checkpoint) -> Int? {
        done.sequenceNumber.order(of: digits) == 0 ? done.subSequenceNumber : nil
    }

    /// - Parameter last: of its user records the last that is done.
    private mutating func open(behind last: Int?) -> AggregatedRecords.Opening {
        guard case .auto(let shard) = deaggregation, mayBeAggregate() else { return .none }
        let data = fields.dataStart..<fields.dataEnd
        guard fields.isBase64 else { return AggregatedRecords.open(response, data, keeping: shard, behind: last) }
        decoded.removeAll()
        // What is not base64 is for the encoder to refuse.
        guard Base64Data.decode(response, data, to: decoded) else { return .none }
        return AggregatedRecords.open(decoded, 0..<decoded.count, keeping: shard, behind: last)
    }

    private func isDone(at checkpoint: Checkpoint) -> Bool {
        let order = checkpoint.sequenceNumber.order(of: digits)
        return order < 0 || order == 0 && checkpoint.extent == .whole
    }

    private var digits: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: response.bytes[fields.sequenceNumberStart..<fields.sequenceNumberEnd])
    }
}
