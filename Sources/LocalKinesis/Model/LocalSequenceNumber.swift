import Bytes
import Kinesis
import Time

/// How this service numbers records: 56 digits, strictly increasing within a shard, also across restarts.
///
/// `49`, 14 digits of the shard's creation in milliseconds, 20 digits of the record's ordinal in the shard, 10 digits of
/// the shard's index, 10 digits of the second in which it was written. A child is created later than its parents, so its
/// numbers are larger than theirs. Clients must see nothing in it but its order; the real service's layout is not public.
struct LocalSequenceNumber: Equatable {
    /// When the shard was created: with the index, what tells shards of this stream and others apart.
    var shardCreated: WallTime
    var shardIndex: Int
    /// Counts the shard's records from 1; 0 is the shard's own starting number.
    var ordinal: Int64

    func text(at time: WallTime) -> String {
        let buffer = ByteBuffer(capacity: Self.digits)
        append(to: buffer, at: time)
        return buffer.text
    }

    static let digits = 56

    func append(to buffer: ByteBuffer, at time: WallTime) {
        buffer.append("49")
        Self.append(shardCreated.milliseconds, width: 14, to: buffer)
        Self.append(ordinal, width: 20, to: buffer)
        Self.append(Int64(shardIndex), width: 10, to: buffer)
        Self.append(time.milliseconds / 1000, width: 10, to: buffer)
    }

    init(shardCreated: WallTime, shardIndex: Int, ordinal: Int64) {
        self.shardCreated = shardCreated
        self.shardIndex = shardIndex
        self.ordinal = ordinal
    }

    /// Nil for a number that this service cannot have given.
    init?(_ number: SequenceNumber) {
        let digits = Array(number.text.utf8)
        guard digits.count == Self.digits, digits[0] == UInt8(ascii: "4"), digits[1] == UInt8(ascii: "9") else {
            return nil
        }
        func value(_ range: Range<Int>) -> Int64? { Int64(String(decoding: digits[range], as: UTF8.self)) }
        guard let created = value(2..<16), let ordinal = value(16..<36), let index = value(36..<46) else { return nil }
        self.init(shardCreated: WallTime(milliseconds: created), shardIndex: Int(index), ordinal: ordinal)
    }

    /// The second since the epoch in which the record of a number of this service was written.
    static func second(_ number: SequenceNumber) -> Int64? { Int64(number.text.suffix(10)) }

    /// `value` in decimal with zeros before it; all values here fit their widths.
    private static func append(_ value: Int64, width: Int, to buffer: ByteBuffer) {
        buffer.reserve(width)
        var rest = UInt64(value)
        for place in stride(from: width - 1, through: 0, by: -1) {
            buffer.base[buffer.count + place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        buffer.setCount(buffer.count + width)
    }
}
