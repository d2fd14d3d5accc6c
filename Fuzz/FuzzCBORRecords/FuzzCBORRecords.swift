import Bytes
import CBOR
import FuzzDriver
import JSON
import Kinesis

// The first byte chooses what the rest is: a whole answer in CBOR, more members of a record, or a record's data. Every payload
// must be one line of valid JSON, slicing may not change what is delivered, and the same data in JSON must give the same event.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzCBORRecords_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let rest = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
    let encoding = RecordEncoding(
        shouldParseJSON: ShouldParseJSON.allCases[Int(start[0] >> 2) % 3], maxEventBytes: 1 << 40)
    switch start[0] & 3 {
    case 0: check(rest.first.map { $0 | 0x80 }.map { [$0] + rest.dropFirst() } ?? [], start[0], encoding)
    case 1: check(record(beside: Array(rest)), start[0], encoding)
    default: compare(rest, encoding)
    }
    return 0
}

/// An answer of one record that has these members too, whatever they are.
func record(beside rest: [UInt8]) -> [UInt8] {
    let writer = CBORWriter(ByteBuffer())
    writer.beginMap()
    writer.text("Records")
    writer.beginArray()
    writer.beginMap()
    writer.text("SequenceNumber")
    writer.text("12")
    writer.text("Data")
    writer.bytes(Array("{}".utf8))
    writer.buffer.append(contentsOf: rest)
    return writer.buffer.array + [0xff, 0xff, 0xff]
}

func check(_ answer: [UInt8], _ choice: UInt8, _ encoding: RecordEncoding) {
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let whole = read(ByteBuffer(answer), encoding, maxBytes: .max)
    let sliced = read(ByteBuffer(answer), encoding, maxBytes: 1 + Int(choice >> 4) * 8)
    precondition(whole.isBroken == sliced.isBroken)
    if !whole.isBroken { precondition(whole.records == sliced.records) }
}

/// One record with this data in both formats.
func compare(_ data: UnsafeRawBufferPointer, _ encoding: RecordEncoding) {
    let writer = CBORWriter(ByteBuffer())
    writer.beginMap()
    writer.text("MillisBehindLatest")
    writer.int(5)
    writer.text("Records")
    writer.beginArray()
    writer.beginMap()
    writer.text("SequenceNumber")
    writer.text("12")
    writer.text("Data")
    writer.bytes(data)
    writer.end()
    writer.end()
    writer.end()
    let json = ByteBuffer("{\"MillisBehindLatest\":5,\"Records\":[{\"SequenceNumber\":\"12\",\"Data\":\"")
    Base64.encode(data, to: json)
    json.append("\"}]}")
    let both = [writer.buffer, json].map { read($0, encoding, maxBytes: .max) }
    precondition(both.allSatisfy { !$0.isBroken && $0.records == 1 } && both[0].payloads == both[1].payloads)
}

func read(
    _ answer: ByteBuffer, _ encoding: RecordEncoding, maxBytes: Int
) -> (records: Int, payloads: [[UInt8]], isBroken: Bool) {
    var encoder = RecordBatchEncoder(
        answer, stream: StreamName("s")!, shard: ShardID(number: 0), encoding: encoding)
    var records = 0
    var payloads: [[UInt8]] = []
    do throws(GetRecordsError) {
        while let batch = try encoder.next(maxBytes: maxBytes) {
            records += batch.recordCount
            payloads.append(batch.payload.array)
            let payload = ByteBuffer([UInt8(ascii: "{")] + batch.payload.array)
            precondition(JSONText.isValid(payload.bytes, limits: JSONLimits(depth: 520)))
            precondition(!payload.bytes.contains(0x0a) && !payload.bytes.contains(0x0d))
        }
        precondition(encoder.envelope != nil)
        return (records, payloads, false)
    } catch {
        precondition((0...answer.count).contains(error.offset))
        return (records, payloads, true)
    }
}
