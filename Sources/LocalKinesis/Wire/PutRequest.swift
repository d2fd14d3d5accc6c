import Bytes
import JSON
import Kinesis
import Reactor

/// One record of a put as it stands in the request's body, checked. Valid while the body is.
struct PutEntry {
    /// The base64 text, without escapes.
    var data: UnsafeRawBufferPointer
    /// The partition key as JSON text, quotes included: it goes into the answer to a reader as it came.
    var key: UnsafeRawBufferPointer
    /// Data and key, in bytes: what the limits count.
    var bytes: Int
    var hashKey: HashKey
}

/// A PutRecord or PutRecords body: its fields, and its records without a tree of values. Confined to its loop.
struct PutRequest {
    private static let keyLengths = 1...PutRecordEntry.maximumPartitionKeyLength

    /// The fields beside the records.
    let fields: RequestFields
    let entries: [PutEntry]
    /// Texts that had to be unescaped; entries point into them.
    private let unescaped: [ByteBuffer]

    /// Reads a body; `loop` gets its turns between slices of a long one.
    static func read(
        _ body: ByteBuffer, isBatch: Bool, maxRecordBytes: (RequestFields) throws(ServiceFault) -> Int, loop: EventLoop
    )
        async throws(ServiceFault) -> PutRequest
    {
        var members: [JSONMember] = []
        var records: JSONSpan?
        var entry = EntryReader()
        do throws(JSONError) {
            var scanner = try JSONObjectScanner(body.bytes)
            while let (key, value) = try scanner.next() {
                if isBatch, key.isString("Records") {
                    records = value
                } else if isBatch || !entry.take(key, value) {
                    members.append(JSONMember(key: try key.string() ?? "", value: try value.value()))
                }
            }
        } catch {
            throw .serialization("\(error)")
        }
        let fields = try RequestFields(.object(members))
        let limit = try maxRecordBytes(fields)
        guard isBatch else {
            return PutRequest(
                fields: fields, entries: [try entry.finish(limit: limit, at: nil)], unescaped: entry.unescaped)
        }
        guard let records else { throw RequestFields.missing("Records") }
        return try await read(records, fields, limit, loop)
    }

    private static func read(
        _ records: JSONSpan, _ fields: RequestFields, _ limit: Int, _ loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest {
        var entries: [PutEntry] = []
        var reader = EntryReader()
        var sinceTurn = 0
        guard var scanner = try? JSONArrayScanner(records) else { throw .serialization("Records must be a list") }
        do {
            while let span = try scanner.next() {
                var members = try JSONObjectScanner(span)
                while let (key, value) = try members.next() { _ = reader.take(key, value) }
                let entry = try reader.finish(limit: limit, at: entries.count + 1)
                entries.append(entry)
                sinceTurn += entry.bytes
                // About a third of a millisecond's work.
                if sinceTurn > 256 * 1024 {
                    sinceTurn = 0
                    await loop.nextTurn()
                }
            }
        } catch let fault as ServiceFault {
            throw fault
        } catch {
            throw .serialization("\(error)")
        }
        guard !entries.isEmpty else {
            throw RequestFields.constraint("Records", "[]", "Member must have length greater than or equal to 1")
        }
        let maxRecords = PutRecordEntry.maximumRecords
        guard entries.count <= maxRecords else {
            throw RequestFields.constraint(
                "Records", "\(entries.count) records", "Member must have length less than or equal to \(maxRecords)")
        }
        guard entries.reduce(0, { $0 + $1.bytes }) <= PutRecordEntry.maximumBytes else {
            throw .invalidArgument("Records size exceeds 10 MB limit")
        }
        return PutRequest(fields: fields, entries: entries, unescaped: reader.unescaped)
    }

    /// Gathers one record's members and checks them.
    private struct EntryReader {
        private var data: JSONSpan?
        private var key: JSONSpan?
        private var explicitHashKey: JSONSpan?
        private let scratch = ByteBuffer(capacity: 4096)
        private(set) var unescaped: [ByteBuffer] = []

        /// Whether the member is a record's.
        mutating func take(_ name: JSONSpan, _ value: JSONSpan) -> Bool {
            if name.isString("Data") {
                data = value
            } else if name.isString("PartitionKey") {
                key = value
            } else if name.isString("ExplicitHashKey") {
                explicitHashKey = value
            } else {
                return false
            }
            return true
        }

        mutating func finish(limit: Int, at index: Int?) throws(ServiceFault) -> PutEntry {
            defer { (data, key, explicitHashKey) = (nil, nil, nil) }
            let prefix = index.map { "records.\($0).member." } ?? ""
            guard let data, let text = data.rawString else { throw RequestFields.missing(prefix + "Data") }
            guard let key, let keyText = try? key.string() else { throw RequestFields.missing(prefix + "PartitionKey") }
            guard PutRequest.keyLengths.contains(keyText.unicodeScalars.count) else {
                throw RequestFields.constraint(
                    prefix + "PartitionKey", keyText, "Member must have length between 1 and 256")
            }
            let base64 = try plain(text, data)
            scratch.removeAll()
            guard let size = decodedSize(base64) else {
                throw .serialization("\(prefix)Data is not valid base64")
            }
            let bytes = size + keyText.utf8.count
            guard bytes <= limit else {
                throw RequestFields.constraint(
                    prefix + "Data", "java.nio.HeapByteBuffer[pos=0 lim=\(size) cap=\(size)]",
                    "Member must have length less than or equal to \(limit)")
            }
            return PutEntry(data: base64, key: key.raw, bytes: bytes, hashKey: try hashKey(keyText, prefix))
        }

        private mutating func decodedSize(_ base64: UnsafeRawBufferPointer) -> Int? {
            Base64.decode(base64, to: scratch) == nil ? scratch.count : nil
        }

        private func hashKey(_ partitionKey: String, _ prefix: String) throws(ServiceFault) -> HashKey {
            guard let explicitHashKey, explicitHashKey.kind != .null else { return HashKey(partitionKey: partitionKey) }
            let text = (try? explicitHashKey.string()) ?? ""
            guard let key = HashKey(text) else { throw RequestFields.badHashKey(prefix + "ExplicitHashKey", text) }
            return key
        }

        /// Some encoders write `/` as `\/`.
        private mutating func plain(_ text: UnsafeRawBufferPointer, _ span: JSONSpan) throws(ServiceFault)
            -> UnsafeRawBufferPointer
        {
            guard span.hasEscapes else { return text }
            let buffer = ByteBuffer(capacity: text.count)
            guard (try? span.appendString(to: buffer)) == true else { throw .serialization("Data is not a string") }
            unescaped.append(buffer)
            return buffer.bytes
        }
    }
}
