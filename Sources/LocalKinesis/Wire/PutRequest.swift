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
            throw RequestFields.tooShort("Records", "[]")
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
            // Only for a fault: the name would be half of a record's cost.
            func member(_ name: String) -> String { index.map { "records.\($0).member.\(name)" } ?? name }
            guard let data, data.kind == .string else {
                throw RequestFields.notConverted(member("Data"), data?.kind ?? .null, to: "Blob")
            }
            guard let key, let keyText = try? key.string() else {
                throw RequestFields.notConverted(member("PartitionKey"), key?.kind ?? .null, to: "String")
            }
            guard PutRequest.keyLengths.contains(keyText.unicodeScalars.count) else {
                throw RequestFields.constraint(
                    member("PartitionKey"), keyText, "Member must have length between 1 and 256")
            }
            guard let (base64, size) = base64(data) else {
                throw .serialization("\(member("Data")) is not valid base64")
            }
            let bytes = size + keyText.utf8.count
            guard bytes <= limit else {
                throw RequestFields.constraint(
                    member("Data"), "java.nio.HeapByteBuffer[pos=0 lim=\(size) cap=\(size)]",
                    "Member must have length less than or equal to \(limit)")
            }
            guard let hashKey = hashKey(keyText) else {
                guard let explicitHashKey, let text = try? explicitHashKey.string() else {
                    let kind = explicitHashKey?.kind ?? .null
                    throw RequestFields.notConverted(member("ExplicitHashKey"), kind, to: "String")
                }
                throw RequestFields.badHashKey(member("ExplicitHashKey"), text)
            }
            return PutEntry(data: base64, key: key.raw, bytes: bytes, hashKey: hashKey)
        }

        /// The text without escapes and the size of what it stands for; nil where it is not base64. Some encoders write
        /// `/` as `\/`, which is no base64 either: escapes are looked for only then.
        private mutating func base64(_ data: JSONSpan) -> (text: UnsafeRawBufferPointer, size: Int)? {
            guard let text = data.rawString else { return nil }
            if let size = decodedSize(text) { return (text, size) }
            let plain = ByteBuffer(capacity: text.count)
            guard data.hasEscapes, (try? data.appendString(to: plain)) == true, let size = decodedSize(plain.bytes)
            else {
                return nil
            }
            unescaped.append(plain)
            return (plain.bytes, size)
        }

        private func decodedSize(_ base64: UnsafeRawBufferPointer) -> Int? {
            scratch.removeAll()
            return Base64.decode(base64, to: scratch) == nil ? scratch.count : nil
        }

        /// Nil where the explicit hash key is none.
        private func hashKey(_ partitionKey: String) -> HashKey? {
            guard let explicitHashKey, explicitHashKey.kind != .null else { return HashKey(partitionKey: partitionKey) }
            return (try? explicitHashKey.string()).flatMap(HashKey.init)
        }
    }
}
