import Bytes
import JSON

/// Writes one record of a response as the MultiLangDaemon gives it to a record processor: an element of `records` of the message
/// `processRecords`. Performs no I/O and allocates nothing per record.
///
/// The data is base64 whatever it is: that of a response in JSON is given on as it came. A record that is not aggregated has the
/// sub-sequence number 0. Source: recorded with MultiLangDaemon 3.1.3 (Tests/Recordings/multilang).
struct ProcessRecordsEncoder {
    /// Bytes of data, as Kinesis holds them, of the records since this was set to 0.
    var dataBytes = 0

    private let answer: ByteBuffer

    init(_ answer: ByteBuffer) {
        self.answer = answer
    }

    /// What stands before the records.
    func appendHead(millisBehindLatest: Int, to out: ByteBuffer) {
        out.append("{\"action\":\"processRecords\",\"millisBehindLatest\":")
        out.append(decimal: millisBehindLatest)
        out.append(",\"records\":[")
    }

    /// - Parameter given: what is given as the data; nil: the record's own.
    mutating func append(_ record: RecordFields, _ given: UnsafeRawBufferPointer?, to out: ByteBuffer) {
        out.append("{\"data\":\"")
        if let given {
            encode(given, to: out)
        } else if record.isBase64 {
            let text = piece(record.dataStart, record.dataEnd)
            dataBytes &+= Base64Data.decodedCount(text)
            out.append(text)
        } else {
            encode(piece(record.dataStart, record.dataEnd), to: out)
        }
        out.append("\",\"partitionKey\":\"")
        appendPartitionKey(of: record, to: out)
        appendPlace(of: record, subSequenceNumber: 0, to: out)
    }

    /// One of an aggregated record's user records.
    mutating func append(
        _ user: AggregatedRecords.UserRecord, in aggregate: ByteBuffer, _ data: UnsafeRawBufferPointer,
        of record: RecordFields, to out: ByteBuffer
    ) {
        out.append("{\"data\":\"")
        encode(data, to: out)
        out.append("\",\"partitionKey\":\"")
        JSONText.appendEscaped(UnsafeRawBufferPointer(rebasing: aggregate.bytes[user.partitionKey]), to: out)
        appendPlace(of: record, subSequenceNumber: user.subSequenceNumber, to: out)
    }

    /// Bytes that the record takes in the message, as far as its places tell without reading its data.
    func estimatedBytes(_ record: RecordFields) -> Int {
        let data = record.dataEnd &- record.dataStart
        return (record.isBase64 ? data : Self.encodedCount(data))
            &+ (record.sequenceNumberEnd &- record.sequenceNumberStart)
            &+ (record.partitionKeyEnd &- max(record.partitionKeyStart, 0)) &+ Self.bytesAround
    }

    /// The same of a user record.
    func estimatedBytes(_ user: AggregatedRecords.UserRecord, of record: RecordFields) -> Int {
        Self.encodedCount(user.data.count) &+ user.partitionKey.count
            &+ (record.sequenceNumberEnd &- record.sequenceNumberStart) &+ Self.bytesAround
    }

    /// The names of a record's members, and the values that are always as long.
    private static let bytesAround = 160

    private static func encodedCount(_ bytes: Int) -> Int { (bytes &+ 2) / 3 &* 4 }

    private mutating func encode(_ data: UnsafeRawBufferPointer, to out: ByteBuffer) {
        dataBytes &+= data.count
        Base64.encode(data, to: out)
    }

    private func appendPartitionKey(of record: RecordFields, to out: ByteBuffer) {
        guard record.partitionKeyStart >= 0 else { return }
        let key = piece(record.partitionKeyStart, record.partitionKeyEnd)
        if !record.isEscaped {
            JSONText.appendEscaped(key, to: out)
        } else if record.lineBreaks.isEmpty {
            out.append(key)
        } else {
            JSONText.appendEscapingLineBreaks(key, to: out)
        }
    }

    /// What stands behind the partition key, whose quote is still open.
    private func appendPlace(of record: RecordFields, subSequenceNumber: Int, to out: ByteBuffer) {
        out.append("\",\"sequenceNumber\":\"")
        out.append(piece(record.sequenceNumberStart, record.sequenceNumberEnd))
        out.append("\",\"approximateArrivalTimestamp\":")
        if record.arrival == RecordFields.noArrival {
            out.append("null")
        } else {
            out.append(decimal: Int(record.arrival))
        }
        out.append(",\"subSequenceNumber\":")
        out.append(decimal: subSequenceNumber)
        out.append(",\"action\":\"record\"}")
    }

    private func piece(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: answer.base + start, count: end &- start)
    }
}
