import Bytes
import JSON
import Kinesis
import Time

/// One record of a put as it stands in the request's body, checked. Valid while the `PutRequest` and the body are.
struct PutEntry {
    /// The body's, which says what `data` and `key` are.
    var format: WireFormat
    /// In JSON base64 text without escapes, in CBOR the bytes themselves.
    var data: UnsafeRawBufferPointer
    /// The partition key: in JSON as JSON text with its quotes, in CBOR its UTF-8 bytes; nil: it has none.
    var key: UnsafeRawBufferPointer?
    /// Data and key, in bytes: what the limits count.
    var bytes: Int
    /// Nil: in any shard.
    var hashKey: HashKey?

    /// About how many bytes `write` appends.
    var storedCount: Int {
        let dataCount = format == .json ? data.count : Base64.encodedCount(data.count)
        return dataCount + (key?.count ?? 0) + 200
    }

    /// Writes the record as GetRecords shows it in JSON.
    func write(_ number: LocalSequenceNumber, at arrival: WallTime, encryption: String?, to buffer: ByteBuffer) {
        buffer.append("{\"SequenceNumber\":\"")
        number.append(to: buffer, at: arrival)
        buffer.append("\",\"ApproximateArrivalTimestamp\":")
        buffer.append(arrival.epochSeconds)
        buffer.append(",\"Data\":\"")
        switch format {
        case .json: buffer.append(data)
        case .cbor: Base64.encode(data, to: buffer)
        }
        buffer.append("\"")
        if let key {
            buffer.append(",\"PartitionKey\":")
            switch format {
            case .json: buffer.append(key)
            case .cbor: JSONText.appendString(key, to: buffer)
            }
        }
        if encryption != nil { buffer.append(",\"EncryptionType\":\"KMS\"") }
        buffer.append(UInt8(ascii: "}"))
    }
}
