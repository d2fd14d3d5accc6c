import Bytes

/// A record that points to a large item, with what has become of that.
struct RecordItem {
    let pointer: ItemPointer
    /// The record's own data: the pointer with what stands beside it.
    let data: ByteBuffer
    let outcome: ItemOutcome
}

/// What has become of a large item that a record needs.
package enum ItemOutcome: Sendable {
    case content(ByteBuffer)
    /// The record is given out as its pointer.
    case unavailable(DataError)
}

/// Finds records that point to large items. Performs no I/O.
struct ItemFinder {
    private let response: ByteBuffer
    /// What base64 becomes.
    private let decoded = ByteBuffer()

    init(_ response: ByteBuffer) {
        self.response = response
    }

    var heldBytes: Int { decoded.capacity }

    /// What the record that was pulled points to, and its data; nil where it points to nothing.
    func find(
        _ records: DeliveredRecords, _ decompression: Decompression?
    ) throws(GetRecordsError) -> (pointer: ItemPointer, data: ByteBuffer)? {
        let raw: UnsafeRawBufferPointer
        switch records.part {
        case .whole(.some): return nil
        case .whole(nil):
            guard let decompression else { return find(records.fields) }
            raw = try decompression.rawData(of: records.fields, in: response)
        case .user(let user, isLast: _): raw = records.userData(user)
        }
        return Self.find(decompression?.text(of: raw).data ?? raw)
    }

    /// Data that cannot be read is for the encoder to refuse.
    private func find(_ record: RecordFields) -> (pointer: ItemPointer, data: ByteBuffer)? {
        let place = record.dataStart..<record.dataEnd
        guard record.isBase64 else { return Self.find(UnsafeRawBufferPointer(rebasing: response.bytes[place])) }
        decoded.removeAll()
        return Base64Data.decode(response, place, to: decoded) ? Self.find(decoded.bytes) : nil
    }

    private static func find(_ data: UnsafeRawBufferPointer) -> (pointer: ItemPointer, data: ByteBuffer)? {
        ItemPointer(data).map { ($0, ByteBuffer(data)) }
    }
}
