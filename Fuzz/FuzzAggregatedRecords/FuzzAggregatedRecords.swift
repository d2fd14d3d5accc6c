import AWS
import Bytes
import FuzzDriver
import Kinesis

// An aggregate gives the same user records wherever reading goes on behind one of them, inside its bytes, and never more than it
// has bytes for. The checksum of the message is put right, so that inputs come behind it; the first byte says how much of the
// ring the shard has.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzAggregatedRecords_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let message = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
    _ = users(ByteBuffer(message.map { $0 }), keeping: nil, behind: nil)
    let data = ByteBuffer(AggregatedRecords.magic)
    data.append(message)
    withUnsafeBytes(of: Digest.md5Number(message).bigEndian) { data.append($0) }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let aggregate = ByteBuffer(data.array)
    guard let all = users(aggregate, keeping: nil, behind: nil) else { return 0 }
    precondition(!all.isEmpty && all.count * 6 <= message.count)
    precondition(all == Array(0..<all.count))
    let range = HashKeyRange(start: .lowest, end: HashKey(UInt128(start[0]) << 120))
    let kept = users(aggregate, keeping: range, behind: nil)!
    let done = Int(start[0]) % all.count
    precondition(users(aggregate, keeping: nil, behind: done)! == Array(all.dropFirst(done + 1)))
    precondition(users(aggregate, keeping: range, behind: done)! == kept.filter { $0 > done })
    return 0
}

/// The numbers of its user records; nil where it is none.
func users(_ data: ByteBuffer, keeping shard: HashKeyRange?, behind done: Int?) -> [Int]? {
    let opening = AggregatedRecords.open(data, 0..<data.count, keeping: shard, behind: done)
    guard case .aggregate(var records) = opening else { return nil }
    var numbers: [Int] = []
    while let user = records.next() {
        for place in [user.partitionKey, user.explicitHashKey ?? 0..<0, user.data] {
            precondition(place.lowerBound >= 0 && place.upperBound <= data.count - AggregatedRecords.checksumBytes)
        }
        numbers.append(user.subSequenceNumber)
    }
    precondition(done != nil || numbers.count + records.droppedCount >= 1)
    return numbers
}
