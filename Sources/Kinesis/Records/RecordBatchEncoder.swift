import Bytes
import JSON
import Time

/// Turns a GetRecords response into the payloads of events, a slice at a time; of aggregated records their user records.
///
///     var encoder = RecordBatchEncoder(response, stream:, shard:, encoding:)
///     while let batch = try encoder.next() { deliver(batch); await loop.nextTurn() }
///     let envelope = encoder.envelope!    // next iterator, lag, child shards
///
/// Before a record that points to a large item it stops, and says which one it needs (`neededItem`); `give` lets it go on.
///
/// Performs no I/O. When `next` throws, the batches before it stand; reading goes on after their last record.
package struct RecordBatchEncoder {
    /// Bytes of response in one slice: about 0.4 ms of work at 600 MB/s, so that no turn of the loop takes 1 ms.
    package static let sliceBytes = 256 * 1024
    /// Bytes of one record's data when it is decompressed: what a put may bring as a body (16 MiB). LZ-UTF8 can make 15 bytes
    /// of one.
    package static let maxDecompressedBytes = 16 << 20
    /// What a framing puts around a payload at most: the event's name, and an id of 24 characters.
    package static let framingBytes = 64

    package let response: ByteBuffer
    private let stream: StreamName
    private let shard: ShardID
    private var records: DeliveredRecords
    private var encoder: RecordEncoder
    /// Which writes instead, where the format is Protobuf.
    private var messages: RecordMessageEncoder?
    /// Which writes instead, where the format is that of record processors.
    private var actions: ProcessRecordsEncoder?
    /// Bytes that the payload of several records may have.
    private let maxPayloadBytes: Int
    private var decompression: Decompression?
    /// Whether the record that was pulled last found no room in its event any more: the next one begins with it.
    private var isHeld = false
    /// The large item of the record that is held.
    private var large = LargeItem.none
    /// Records that were read on the way to the one that waits for its item.
    private var readHeld = 0
    /// nil: large items are not given out.
    private let items: ItemFinder?
    private let deaggregation: Deaggregation
    private let skip: Checkpoint?

    private enum LargeItem {
        case none
        case needed(ItemPointer, data: ByteBuffer)
        case given(RecordItem)
    }

    /// - Parameter skip: what needs no delivery; nil: all of it does. A record that is not aggregated counts as its own first
    ///   user record, as the KCL counts; of one that is done further and turns out not to be aggregated all is given.
    package init(
        _ response: ByteBuffer, stream: StreamName, shard: ShardID, encoding: RecordEncoding, skip: Checkpoint? = nil
    ) {
        self.response = response
        self.stream = stream
        self.shard = shard
        deaggregation = encoding.deaggregation
        self.skip = skip
        records = DeliveredRecords(response, deaggregation, skip: skip)
        encoder = RecordEncoder(response, encoding)
        messages = encoding.format == .protobuf ? RecordMessageEncoder(response) : nil
        actions = encoding.format == .processRecords ? ProcessRecordsEncoder(response) : nil
        decompression = encoding.compression == .lzUTF8 ? Decompression() : nil
        maxPayloadBytes = encoding.maxEventBytes - Self.framingBytes
        items = encoding.resolvesItems ? ItemFinder(response) : nil
    }

    /// The large item without which the next record cannot be given out: why `next` gave nothing.
    package var neededItem: ItemPointer? { if case .needed(let pointer, _) = large { pointer } else { nil } }

    /// What has become of the item that is needed.
    package mutating func give(_ outcome: ItemOutcome) {
        guard case .needed(let pointer, let data) = large else { return }
        large = .given(RecordItem(pointer: pointer, data: data, outcome: outcome))
    }

    /// All items that are needed of the response, for who wants them before; nil: large items are not given out.
    package func itemSearch() -> ItemSearch? {
        guard items != nil else { return nil }
        return ItemSearch(
            DeliveredRecords(response, deaggregation, skip: skip), ItemFinder(response),
            decompression == nil ? nil : Decompression())
    }

    /// What stands beside the records; known once the last batch, or nil, was returned.
    package var envelope: GetRecordsEnvelope? { isHeld ? nil : records.envelope }

    /// The place up to which nothing is left to deliver behind the last batch, where records of the response were left out
    /// there: user records of other shards, or such as `skip` names. Known once `envelope` is.
    package var passed: Checkpoint? { records.passed }

    /// User records that were left out so far, because they belong to another shard.
    package var droppedCount: Int { records.droppedCount }

    /// Bytes that are held beside the response.
    package var heldBytes: Int { records.heldBytes + (decompression?.heldBytes ?? 0) }

    /// The next event: records until `maxBytes` of the response are used up or the event is full, at least one; nil when
    /// none is left, or the next one needs an item.
    package mutating func next(maxBytes: Int = Self.sliceBytes) throws(GetRecordsError) -> EncodedBatch? {
        let readBefore = records.readCount
        if isHeld { isHeld = false } else if try !records.next() { return nil }
        if try needsItem() {
            isHeld = true
            readHeld = records.readCount - readBefore
            return nil
        }
        let start = records.start
        let first = records.place
        let out = ByteBuffer(capacity: room(min(maxBytes, response.count - start)))
        appendHead(to: out)
        dataBytes = 0
        try appendRecord(to: out)
        var last = first
        var count = 1
        while records.offset - start < maxBytes, try records.next() {
            guard try item() == nil, try appendFurtherRecord(to: out) else {
                isHeld = true
                break
            }
            last = records.place
            count += 1
        }
        if messages == nil { out.append(Self.end) }
        let isLast = isHeld ? false : try !records.hasNext()
        return EncodedBatch(
            payload: out, recordCount: count, readCount: records.readCount - readBefore + takeReadHeld(),
            first: records.checkpoint(first), last: records.checkpoint(last),
            lastNamed: records.checkpoint(last, isNamed: true), dataBytes: dataBytes,
            isLast: isLast)
    }

    /// Of the record that was pulled: what it points to, and its data.
    private func item() throws(GetRecordsError) -> (pointer: ItemPointer, data: ByteBuffer)? {
        try items?.find(records, decompression)
    }

    /// Whether the record that was pulled points to a large item that nobody has given yet.
    private mutating func needsItem() throws(GetRecordsError) -> Bool {
        switch large {
        case .given: return false
        case .needed: return true
        case .none:
            guard let (pointer, data) = try item() else { return false }
            large = .needed(pointer, data: data)
            return true
        }
    }

    private mutating func takeItem() -> RecordItem? {
        guard case .given(let item) = large else { return nil }
        large = .none
        return item
    }

    private mutating func takeReadHeld() -> Int {
        defer { readHeld = 0 }
        return readHeld
    }

    /// Writes the record that was pulled behind others; false, and nothing written, when it has no room.
    private mutating func appendFurtherRecord(to out: ByteBuffer) throws(GetRecordsError) -> Bool {
        let count = out.count
        let dataBytes = dataBytes
        // Most of what has no room is found before it is encoded.
        guard count + estimatedBytes <= maxPayloadBytes else { return false }
        if messages == nil { out.append(UInt8(ascii: ",")) }
        try appendRecord(to: out)
        if out.count + Self.end.utf8CodeUnitCount <= maxPayloadBytes { return true }
        out.setCount(count)
        self.dataBytes = dataBytes
        return false
    }

    // MARK: As the format has it

    private var dataBytes: Int {
        get { messages?.dataBytes ?? actions?.dataBytes ?? encoder.dataBytes }
        set {
            if messages != nil {
                messages?.dataBytes = newValue
            } else if actions != nil {
                actions?.dataBytes = newValue
            } else {
                encoder.dataBytes = newValue
            }
        }
    }

    private mutating func appendRecord(to out: ByteBuffer) throws(GetRecordsError) {
        if let item = takeItem() { return try append(item, to: out) }
        if decompression != nil { return try appendDecompressed(to: out) }
        switch records.part {
        case .whole(let excess): try appendWhole(nil, excess.map { .aggregate($0) }, to: out)
        case .user(let user, isLast: _): try append(user, records.userData(user), nil, to: out)
        }
    }

    private mutating func append(
        _ user: AggregatedRecords.UserRecord, _ data: UnsafeRawBufferPointer, _ error: DataError?,
        _ pointer: ByteBuffer? = nil, to out: ByteBuffer
    ) throws(GetRecordsError) {
        if messages != nil {
            try messages?.append(user, in: records.userBytes, data, error, pointer, of: records.fields, to: out)
        } else if actions != nil {
            actions?.append(user, in: records.userBytes, data, of: records.fields, to: out)
        } else {
            encoder.append(user, in: records.userBytes, data, error, pointer, of: records.fields, to: out)
        }
    }

    /// The record with its item as the data, or as its pointer with the reason.
    private mutating func append(_ item: RecordItem, to out: ByteBuffer) throws(GetRecordsError) {
        let before = dataBytes
        let (data, error, pointer): (ByteBuffer, DataError?, ByteBuffer?) =
            switch item.outcome {
            case .content(let content): (content, nil, item.data)
            case .unavailable(let error): (item.data, error, nil)
            }
        switch records.part {
        case .whole: try appendWhole(data.bytes, error, pointer, to: out)
        case .user(let user, isLast: _): try append(user, data.bytes, error, pointer, to: out)
        }
        // As Kinesis holds it.
        dataBytes = before + item.data.count
    }

    /// The record with its data as text; where that cannot be, as it is, with the reason.
    private mutating func appendDecompressed(to out: ByteBuffer) throws(GetRecordsError) {
        let before = dataBytes
        let raw: UnsafeRawBufferPointer
        switch records.part {
        case .whole(let excess?): return try appendWhole(nil, .aggregate(excess), to: out)
        case .whole(nil): raw = try decompression!.rawData(of: records.fields, in: response)
        case .user(let user, isLast: _): raw = records.userData(user)
        }
        let (data, error) = decompression!.text(of: raw)
        switch records.part {
        case .whole: try appendWhole(data, error, to: out)
        case .user(let user, isLast: _): try append(user, data, error, to: out)
        }
        // As Kinesis holds it.
        dataBytes = before + raw.count
    }

    private mutating func appendWhole(
        _ data: UnsafeRawBufferPointer?, _ error: DataError?, _ pointer: ByteBuffer? = nil, to out: ByteBuffer
    ) throws(GetRecordsError) {
        if messages != nil {
            try messages?.append(records.fields, data, error, pointer, to: out)
        } else if actions != nil {
            actions?.append(records.fields, data, to: out)
        } else {
            try encoder.append(records.fields, data, error, pointer, to: out)
        }
    }

    /// Of the record that was pulled.
    private var estimatedBytes: Int {
        switch records.part {
        case .whole:
            messages?.estimatedBytes(records.fields) ?? actions?.estimatedBytes(records.fields)
                ?? encoder.estimatedBytes(records.fields)
        case .user(let user, isLast: _):
            messages?.estimatedBytes(user, of: records.fields) ?? actions?.estimatedBytes(user, of: records.fields)
                ?? encoder.estimatedBytes(user, of: records.fields)
        }
    }

    private static let end: StaticString = "]}"

    /// Room for the payload of so much response that begins with the record that was pulled: base64 shrinks by a quarter, short records
    /// grow by a few bytes each, in CBOR by some tens.
    private func room(_ bytes: Int) -> Int {
        min(bytes + bytes / 8 + 1024, max(maxPayloadBytes, estimatedBytes) + 1024)
    }

    private func appendHead(to out: ByteBuffer) {
        if let messages {
            return messages.appendHead(
                stream, shard, millisBehindLatest: records.millisBehindLatest, to: out)
        }
        if let actions { return actions.appendHead(millisBehindLatest: records.millisBehindLatest, to: out) }
        var json = JSONWriter(out)
        json.member("streamName", stream.text)
        json.member("shardId", shard.text)
        json.member("millisBehindLatest", records.millisBehindLatest)
        json.key("records")
        json.beginArray()
    }
}
