import AWS
import Bytes
import JSON
import Protobuf

/// The user records of one aggregated record, as places in its bytes: nothing of them is copied. Performs no I/O.
///
/// The Kinesis Producer Library and its peers put many user records into the data of one record:
///
///     f3 89 9a c2 | AggregatedRecord in Protobuf | MD5 of that
///     AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2;
///                        repeated Record records = 3; }
///     Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
///              required bytes data = 3; repeated Tag tags = 4; }
///
/// The whole aggregate is checked when it is opened: what is not exactly this is no aggregate. So going through it cannot fail.
/// Source: https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
package struct AggregatedRecords: Sendable {
    /// What every aggregate begins with.
    package static let magic: [UInt8] = [0xf3, 0x89, 0x9a, 0xc2]
    /// MD5, at its end.
    package static let checksumBytes = 16
    /// Bytes of an aggregate: what Kinesis takes as a record's data at most (10 MiB).
    package static let maxBytes = 10 << 20
    /// User records of an aggregate, and entries of each of its tables. A record of 10 MiB could hold 1.7 million without
    /// data; each becomes 200 bytes of event and more.
    package static let maxUserRecords = 1 << 20

    /// One of the aggregate's user records.
    package struct UserRecord: Sendable {
        /// Counted from 0, those included that are left out.
        package let subSequenceNumber: Int
        /// UTF-8.
        package let partitionKey: Range<Int>
        /// Decimal digits, as `HashKey` reads them.
        package let explicitHashKey: Range<Int>?
        package let data: Range<Int>
    }

    /// What the data of a record turns out to be.
    package enum Opening: Sendable {
        case aggregate(AggregatedRecords)
        /// It has no magic, or a wrong checksum, or is not such a message, or has no user record.
        case none
        case tooLarge(Excess)
    }

    /// What an aggregate has more of than is taken apart.
    package enum Excess: Hashable, Sendable {
        /// So many.
        case bytes(Int)
        /// Or entries of one of its tables.
        case userRecords
    }

    private struct Key {
        let place: Range<Int>
        /// Whether records with this key lie in the shard.
        let isInside: Bool
    }

    package let buffer: ByteBuffer
    private var reader: ProtobufReader
    private let partitionKeys: [Key]
    private let hashKeys: [Key]
    /// Of the record that was read last.
    private var number = -1
    private var upcoming: UserRecord?
    /// User records that were left out so far, because their hash keys lie outside the shard.
    package private(set) var droppedCount = 0

    // MARK: Opening

    /// - Parameters:
    ///   - range: where the record's data lies. The buffer stays as it is while the aggregate is in use.
    ///   - shard: user records whose hash key (their explicit one, else MD5 of their partition key) lies outside are left
    ///     out; nil: none is.
    ///   - done: the last user record that needs no delivery; nil: all do.
    package static func open(
        _ buffer: ByteBuffer, _ range: Range<Int>, keeping shard: HashKeyRange? = nil, behind done: Int? = nil
    ) -> Opening {
        guard range.count > magic.count + checksumBytes, buffer.bytes[range].starts(with: magic) else { return .none }
        guard range.count <= maxBytes else {
            return .tooLarge(.bytes(range.count))
        }
        let message = range.lowerBound + magic.count..<range.upperBound - checksumBytes
        let digest = Digest.md5Number(UnsafeRawBufferPointer(rebasing: buffer.bytes[message]))
        let checksum = buffer.bytes.loadUnaligned(fromByteOffset: message.upperBound, as: UInt128.self)
        guard digest == UInt128(bigEndian: checksum) else { return .none }
        do throws(ProtobufError) {
            return try check(ProtobufReader(buffer, message), keeping: shard, behind: done)
        } catch {
            return .none
        }
    }

    /// Reads the tables, and every record once: they may stand in any order, and an index may point anywhere.
    private static func check(
        _ message: ProtobufReader, keeping shard: HashKeyRange?, behind done: Int?
    ) throws(ProtobufError) -> Opening {
        let buffer = message.buffer
        var reader = message
        var partitionKeys: [Key] = []
        var hashKeys: [Key] = []
        var count = 0
        var furthestKey: UInt64 = 0
        var furthestHashKey: UInt64?
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let place = try field.bytes()
                guard UTF8Text.isValid(buffer.base, place.lowerBound, place.upperBound) else { return .none }
                partitionKeys.append(Key(place: place, isInside: shard?.contains(hash(buffer, place)) ?? true))
            case 2:
                let place = try field.bytes()
                let text = String(decoding: buffer.bytes[place], as: UTF8.self)
                guard let key = HashKey(text) else { return .none }
                hashKeys.append(Key(place: place, isInside: shard?.contains(key) ?? true))
            case 3:
                guard let fields = try Fields(field.message()) else { return .none }
                furthestKey = max(furthestKey, fields.partitionKey)
                if let key = fields.hashKey { furthestHashKey = max(furthestHashKey ?? 0, key) }
                count += 1
            default: break
            }
            guard max(count, partitionKeys.count, hashKeys.count) <= maxUserRecords else {
                return .tooLarge(.userRecords)
            }
        }
        guard count > 0, furthestKey < UInt64(partitionKeys.count),
            furthestHashKey.map({ $0 < UInt64(hashKeys.count) }) ?? true
        else { return .none }
        return .aggregate(
            AggregatedRecords(message, partitionKeys: partitionKeys, hashKeys: hashKeys, behind: done ?? -1))
    }

    private static func hash(_ buffer: ByteBuffer, _ place: Range<Int>) -> HashKey {
        HashKey(Digest.md5Number(UnsafeRawBufferPointer(rebasing: buffer.bytes[place])))
    }

    private init(_ message: ProtobufReader, partitionKeys: [Key], hashKeys: [Key], behind done: Int) {
        buffer = message.buffer
        reader = message
        self.partitionKeys = partitionKeys
        self.hashKeys = hashKeys
        readAhead(behind: done)
    }

    // MARK: Going through it

    /// Whether no user record follows that is to be given out.
    package var isAtEnd: Bool { upcoming == nil }

    /// Bytes of the buffer up to the user record that comes next.
    package var offset: Int { reader.offset }

    /// The next user record that needs delivery and lies in the shard; nil when none is left.
    package mutating func next() -> UserRecord? {
        guard let record = upcoming else { return nil }
        readAhead(behind: record.subSequenceNumber)
        return record
    }

    private mutating func readAhead(behind done: Int) {
        upcoming = nil
        // Nothing throws: all of it was read once.
        while let field = try? reader.next() {
            guard field.number == 3, let message = try? field.message(), let fields = try? Fields(message) else {
                continue
            }
            number += 1
            guard number > done else { continue }
            let partitionKey = partitionKeys[Int(fields.partitionKey)]
            let hashKey = fields.hashKey.map { hashKeys[Int($0)] }
            guard hashKey?.isInside ?? partitionKey.isInside else {
                droppedCount += 1
                continue
            }
            upcoming = UserRecord(
                subSequenceNumber: number, partitionKey: partitionKey.place, explicitHashKey: hashKey?.place,
                data: fields.data)
            return
        }
    }

    /// One `Record` of the message: indices that are not looked up yet.
    private struct Fields {
        var partitionKey: UInt64
        var hashKey: UInt64?
        var data: Range<Int>

        /// nil where a required field is missing. Of a field that comes twice the last one counts.
        init?(_ message: ProtobufReader) throws(ProtobufError) {
            var message = message
            var partitionKey: UInt64?
            var data: Range<Int>?
            while let field = try message.next() {
                switch field.number {
                case 1: partitionKey = try field.unsigned()
                case 2: hashKey = try field.unsigned()
                case 3: data = try field.bytes()
                default: break
                }
            }
            guard let partitionKey, let data else { return nil }
            self.partitionKey = partitionKey
            self.data = data
        }
    }
}
