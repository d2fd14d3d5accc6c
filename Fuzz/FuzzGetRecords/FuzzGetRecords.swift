import Bytes
import FuzzDriver
import JSON
import Kinesis

// The first byte chooses what the rest is: a whole answer, the inside of a record, or a record's data; and how it is
// sliced. Every payload must be one line of valid JSON, and neither slicing nor short events may change what is
// delivered. A search ahead finds the items that the encoder asks for, in that order.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzGetRecords_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let rest = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let text = ByteBuffer(answer(start[0] & 3, rest).array)
    let parse = ShouldParseJSON.allCases[Int(start[0] >> 2) % 3]
    let whole = read(text, parse, maxBytes: .max, maxEventBytes: 1 << 40)
    let sliced = read(text, parse, maxBytes: 1 + Int(start[0] >> 4) * 8, maxEventBytes: 1 << 40)
    let short = read(text, parse, maxBytes: .max, maxEventBytes: 64 + Int(start[0] >> 4) * 32)
    for other in [sliced, short] {
        precondition(whole.isBroken == other.isBroken)
        if !whole.isBroken { precondition(whole.records == other.records && whole.dataBytes == other.dataBytes) }
    }
    if start[0] & 3 == 2 { precondition(whole.dataBytes == rest.count && whole.records == 1) }
    return 0
}

func answer(_ kind: UInt8, _ rest: UnsafeRawBufferPointer) -> ByteBuffer {
    let text = ByteBuffer()
    switch kind {
    case 0:
        text.append(rest)
    case 1:
        text.append(
            "{\"Records\":[{\"SequenceNumber\":\"12\",\"Data\":\"e30=\"},{\"Data\":\"\",\"SequenceNumber\":\"13\",")
        text.append(rest)
        text.append("}],\"NextShardIterator\":\"n\",\"MillisBehindLatest\":5}")
    case 2:
        text.append("{\"MillisBehindLatest\":5,\"Records\":[{\"SequenceNumber\":\"12\",\"Data\":\"")
        Base64.encode(rest, to: text)
        text.append("\",\"PartitionKey\":\"k\"}]}")
    default:
        text.append("{\"Records\":[{\"SequenceNumber\":\"12\",\"Data\":\"e30=\"}],")
        text.append(rest)
    }
    return text
}

func read(
    _ text: ByteBuffer, _ parse: ShouldParseJSON, maxBytes: Int, maxEventBytes: Int
) -> (records: Int, dataBytes: Int, isBroken: Bool) {
    var encoder = RecordBatchEncoder(
        text, stream: StreamName("s")!, shard: ShardID(number: 0),
        encoding: RecordEncoding(shouldParseJSON: parse, maxEventBytes: maxEventBytes, resolvesItems: true))
    let found = items(encoder.itemSearch(), maxBytes)
    var asked: [ItemPointer] = []
    var records = 0
    var dataBytes = 0
    do throws(GetRecordsError) {
        while true {
            guard let batch = try encoder.next(maxBytes: maxBytes) else {
                guard let pointer = encoder.neededItem else { break }
                asked.append(pointer)
                // Some items are there.
                let isThere = pointer.key.utf8.count.isMultiple(of: 2)
                encoder.give(isThere ? .content(text) : .unavailable(.item(.gone, detail: pointer.bucket)))
                continue
            }
            records += batch.recordCount
            dataBytes += batch.dataBytes
            check(batch)
            precondition(batch.recordCount == 1 || batch.payloadBytes <= maxEventBytes)
        }
        precondition(encoder.envelope != nil && found == asked)
        return (records, dataBytes, false)
    } catch {
        precondition((0...text.count).contains(error.offset) && found.starts(with: asked))
        return (records, dataBytes, true)
    }
}

func items(_ search: ItemSearch?, _ maxBytes: Int) -> [ItemPointer] {
    var search = search
    var found: [ItemPointer] = []
    while let step = search?.next(maxBytes: maxBytes) {
        switch step {
        case .item(let pointer): found.append(pointer)
        case .nothingYet: continue
        case .end: search = nil
        }
    }
    return found
}

func check(_ batch: EncodedBatch) {
    let payload = ByteBuffer("{")
    payload.append(batch.payload)
    withExtendedLifetime(payload) {
        precondition(JSONText.isValid(payload.bytes, limits: JSONLimits(depth: 520)))
        precondition(!payload.bytes.contains(0x0a) && !payload.bytes.contains(0x0d))
        precondition(!payload.text.unicodeScalars.contains { ["\u{85}", "\u{2028}", "\u{2029}"].contains($0) })
    }
}
