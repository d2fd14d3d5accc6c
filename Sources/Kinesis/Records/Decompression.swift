import Bytes

/// Decompresses the data of one record after the other. Performs no I/O. What it returns is valid until the next record.
struct Decompression {
    /// What base64 becomes.
    private let raw = ByteBuffer()
    private let text = ByteBuffer()

    var heldBytes: Int { raw.capacity + text.capacity }

    /// The record's data as Kinesis holds it.
    func rawData(of record: RecordFields, in response: ByteBuffer) throws(GetRecordsError) -> UnsafeRawBufferPointer {
        let place = record.dataStart..<record.dataEnd
        guard record.isBase64 else { return UnsafeRawBufferPointer(rebasing: response.bytes[place]) }
        raw.removeAll()
        guard Base64Data.decode(response, place, to: raw) else {
            throw GetRecordsError(.badField("Data"), at: record.dataStart)
        }
        return raw.bytes
    }

    /// The text that the data stands for; where it stands for none, the data, and why.
    func text(of data: UnsafeRawBufferPointer) -> (data: UnsafeRawBufferPointer, error: DataError?) {
        text.removeAll()
        do throws(LZUTF8Error) {
            try LZUTF8.decompress(data, to: text, limit: RecordBatchEncoder.maxDecompressedBytes)
            return (text.bytes, nil)
        } catch {
            return (data, .compression(error))
        }
    }
}
