import AWS
import Bytes
import Protobuf

/// Records that are gathered to be put as the data of one: the Kinesis Producer Library's aggregated record.
///
///     F3 89 9A C2, AggregatedRecord, MD5 of that
///     AggregatedRecord: partition_key_table = 1, explicit_hash_key_table = 2, records = 3
///     Record: partition_key_index = 1, explicit_hash_key_index = 2, data = 3
///
/// Performs no I/O. Source: awslabs/amazon-kinesis-producer, aggregation-format.md.
package struct Aggregate {
    package static let magic: [UInt8] = [0xf3, 0x89, 0x9a, 0xc2]
    private static let digestBytes = 16

    package private(set) var entries: [PutRecordEntry] = []
    private var keys = IndexedTexts()
    private var hashKeys = IndexedTexts()
    private var messageBytes = 0

    package init() {}

    /// Whether the data is an aggregate already: readers open one level.
    package static func isAggregate(_ data: UnsafeRawBufferPointer) -> Bool {
        data.starts(with: magic)
    }

    /// Bytes of the data that it makes.
    package var size: Int { Self.magic.count + messageBytes + Self.digestBytes }

    /// Adds a record where the data then has at most `limit` bytes; else false, and nothing is changed.
    package mutating func add(_ entry: PutRecordEntry, limit: Int) -> Bool {
        let key = keys.index(of: entry.partitionKey)
        let hashKey = entry.explicitHashKey.map { hashKeys.index(of: $0.description) }
        var more = Self.recordSize(entry, key.index, hashKey?.index)
        more = ProtobufWriter.size(3, bytes: more)
        if key.isNew { more += ProtobufWriter.size(1, bytes: entry.partitionKey.utf8.count) }
        if let hashKey, hashKey.isNew, let text = entry.explicitHashKey?.description {
            more += ProtobufWriter.size(2, bytes: text.utf8.count)
            guard size + more <= limit else { return false }
            hashKeys.add(text)
        } else {
            guard size + more <= limit else { return false }
        }
        if key.isNew { keys.add(entry.partitionKey) }
        messageBytes += more
        entries.append(entry)
        return true
    }

    /// The data, of `size` bytes.
    package func encoded() -> ByteBuffer {
        let buffer = ByteBuffer(capacity: size)
        buffer.append(contentsOf: Self.magic)
        let writer = ProtobufWriter(buffer)
        for key in keys.texts { writer.text(1, key) }
        for hashKey in hashKeys.texts { writer.text(2, hashKey) }
        for entry in entries {
            let key = keys.index(of: entry.partitionKey).index
            let hashKey = entry.explicitHashKey.map { hashKeys.index(of: $0.description).index }
            writer.beginBytes(3, Self.recordSize(entry, key, hashKey))
            writer.unsigned(1, UInt64(key))
            if let hashKey { writer.unsigned(2, UInt64(hashKey)) }
            writer.bytes(3, entry.data)
        }
        let digest = Digest.md5Number(UnsafeRawBufferPointer(rebasing: buffer.bytes[Self.magic.count...]))
        withUnsafeBytes(of: digest.bigEndian) { buffer.append($0) }
        return buffer
    }

    private static func recordSize(_ entry: PutRecordEntry, _ key: Int, _ hashKey: Int?) -> Int {
        var size = 1 + ProtobufWriter.size(UInt64(key)) + ProtobufWriter.size(3, bytes: entry.range.count)
        if let hashKey { size += 1 + ProtobufWriter.size(UInt64(hashKey)) }
        return size
    }
}

/// The texts of a table, each once, in order of arrival. By their bytes: texts that Swift takes as equal (é in one scalar or in
/// two) have different hash keys.
private struct IndexedTexts {
    private(set) var texts: [String] = []
    private var places: [[UInt8]: Int] = [:]

    /// The text's place, or the one that it gets when it is added.
    func index(of text: String) -> (index: Int, isNew: Bool) {
        if let place = places[Array(text.utf8)] { (place, false) } else { (texts.count, true) }
    }

    mutating func add(_ text: String) {
        places[Array(text.utf8)] = texts.count
        texts.append(text)
    }
}
