import Bytes
import JSON
import Time

/// Turns a GetRecords response into the payloads of events, a slice at a time.
///
///     var encoder = RecordBatchEncoder(response, stream:, shard:, encoding:)
///     while let batch = try encoder.next() { deliver(batch); await loop.nextTurn() }
///     let envelope = encoder.envelope!    // next iterator, lag, child shards
///
/// Performs no I/O. When `next` throws, the batches before it stand; reading goes on after their last record.
package struct RecordBatchEncoder {
    /// Bytes of response in one slice: about 0.4 ms of work at 600 MB/s, so that no turn of the loop takes 1 ms.
    package static let sliceBytes = 256 * 1024
    /// What a framing puts around a payload at most: the event's name, and an id of 24 characters.
    package static let framingBytes = 64

    private let response: ByteBuffer
    private let stream: StreamName
    private let shard: ShardID
    private var scanner: any GetRecordsScanner
    private var encoder: RecordEncoder
    /// Which writes instead, where the format is Protobuf.
    private var messages: RecordMessageEncoder?
    /// Records up to here are left out; nil from the first record behind it on.
    private var skip: Checkpoint?
    private var isOpen = false
    /// Bytes that the payload of several records may have.
    private let maxPayloadBytes: Int
    /// A record that found no room in its event any more: the next one begins with it.
    private var held: RecordFields?

    /// - Parameter skip: what needs no delivery; nil: all of it does. Of a record that is done in part all is given.
    package init(
        _ response: ByteBuffer, stream: StreamName, shard: ShardID, encoding: RecordEncoding, skip: Checkpoint? = nil
    ) {
        self.skip = skip
        self.response = response
        self.stream = stream
        self.shard = shard
        scanner = response.recordsScanner
        encoder = RecordEncoder(response, encoding)
        messages = encoding.format == .protobuf ? RecordMessageEncoder(response) : nil
        maxPayloadBytes = encoding.maxEventBytes - Self.framingBytes
    }

    /// What stands beside the records; known once the last batch, or nil, was returned.
    package var envelope: GetRecordsEnvelope? {
        scanner.isDone && held == nil ? scanner.envelope : nil
    }

    /// The next event: records until `maxBytes` of the response are used up or the event is full, at least one; nil when
    /// none is left.
    package mutating func next(maxBytes: Int = Self.sliceBytes) throws(GetRecordsError) -> EncodedBatch? {
        guard let first = try firstRecord() else { return nil }
        let start = min(first.sequenceNumberStart, first.dataStart)
        let out = ByteBuffer(capacity: room(min(maxBytes, response.count - start), for: first))
        appendHead(to: out)
        dataBytes = 0
        try append(first, to: out)
        var last = first
        var count = 1
        var record = RecordFields()
        while scanner.offset - start < maxBytes, try scanner.next(&record) {
            guard try appendFurther(record, to: out) else {
                held = record
                break
            }
            last = record
            count += 1
        }
        if messages == nil { out.append(Self.end) }
        let isLast = held == nil ? try !scanner.hasNext() : false
        return EncodedBatch(
            payload: out, recordCount: count, first: checkpoint(first), last: checkpoint(last),
            dataBytes: dataBytes, isLast: isLast)
    }

    /// The record with which the next event begins; nil when none is left.
    private mutating func firstRecord() throws(GetRecordsError) -> RecordFields? {
        if let held {
            self.held = nil
            return held
        }
        if !isOpen {
            try scanner.open()
            isOpen = true
        }
        var record = RecordFields()
        guard try scanner.next(&record) else { return nil }
        while let skip, isDone(record, at: skip) {
            guard try scanner.next(&record) else { return nil }
        }
        skip = nil
        return record
    }

    /// Writes a record behind others; false, and nothing written, when it has no room.
    private mutating func appendFurther(_ record: RecordFields, to out: ByteBuffer) throws(GetRecordsError) -> Bool {
        let count = out.count
        let dataBytes = dataBytes
        // Most of what has no room is found before it is encoded.
        guard count + estimatedBytes(record) <= maxPayloadBytes else { return false }
        if messages == nil { out.append(UInt8(ascii: ",")) }
        try append(record, to: out)
        if out.count + Self.end.utf8CodeUnitCount <= maxPayloadBytes { return true }
        out.setCount(count)
        self.dataBytes = dataBytes
        return false
    }

    // MARK: As the format has it

    private var dataBytes: Int {
        get { messages?.dataBytes ?? encoder.dataBytes }
        set { if messages == nil { encoder.dataBytes = newValue } else { messages?.dataBytes = newValue } }
    }

    private mutating func append(_ record: RecordFields, to out: ByteBuffer) throws(GetRecordsError) {
        if messages == nil { try encoder.append(record, to: out) } else { try messages?.append(record, to: out) }
    }

    private func estimatedBytes(_ record: RecordFields) -> Int {
        messages?.estimatedBytes(record) ?? encoder.estimatedBytes(record)
    }

    private static let end: StaticString = "]}"

    /// Room for the payload of so much response that begins with this record: base64 shrinks by a quarter, short records
    /// grow by a few bytes each, in CBOR by some tens.
    private func room(_ bytes: Int, for first: RecordFields) -> Int {
        min(bytes + bytes / 8 + 1024, max(maxPayloadBytes, estimatedBytes(first)) + 1024)
    }

    private func appendHead(to out: ByteBuffer) {
        if let messages {
            return messages.appendHead(
                stream, shard, millisBehindLatest: scanner.envelope.millisBehindLatest, to: out)
        }
        var json = JSONWriter(out)
        json.member("streamName", stream.text)
        json.member("shardId", shard.text)
        json.member("millisBehindLatest", scanner.envelope.millisBehindLatest)
        json.key("records")
        json.beginArray()
    }

    private func checkpoint(_ record: RecordFields) -> Checkpoint {
        Checkpoint(
            sequenceNumber: SequenceNumber(digits: digits(record)),
            arrival: record.arrival == RecordFields.noArrival ? nil : WallTime(milliseconds: record.arrival))
    }

    private func isDone(_ record: RecordFields, at checkpoint: Checkpoint) -> Bool {
        let order = checkpoint.sequenceNumber.order(of: digits(record))
        return order < 0 || order == 0 && checkpoint.extent == .whole
    }

    private func digits(_ record: RecordFields) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: response.bytes[record.sequenceNumberStart..<record.sequenceNumberEnd])
    }
}
