import Bytes
import CBOR
import JSON
import Kinesis
import Reactor

/// A PutRecord or PutRecords body: its fields, and its records without a tree of values. Confined to its loop.
struct PutRequest {
    private static let keyLengths = 1...PutRecordEntry.maximumPartitionKeyLength

    /// The fields beside the records.
    let fields: RequestFields
    let entries: [PutEntry]
    /// Texts that had to be unescaped and strings that came in chunks; entries point into them.
    private let made: [ByteBuffer]

    /// Reads a body; `loop` gets its turns between slices of a long one.
    static func read(
        _ body: ByteBuffer, _ format: WireFormat, isBatch: Bool,
        maxRecordBytes: (RequestFields) throws(ServiceFault) -> Int, loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest {
        switch format {
        case .json: try await read(JSONObjectScanner.self, body, isBatch, maxRecordBytes, loop)
        case .cbor: try await read(CBORMapScanner.self, body, isBatch, maxRecordBytes, loop)
        }
    }

    /// The stream that a body names by its name; nil where it cannot be read.
    static func streamName(in body: ByteBuffer, _ format: WireFormat) -> String? {
        switch format {
        case .json: streamName(JSONObjectScanner.self, body)
        case .cbor: streamName(CBORMapScanner.self, body)
        }
    }

    private static func streamName<Members: BodyMembers>(_: Members.Type, _ body: ByteBuffer) -> String?
    where Members.Span: BodySpan {
        guard var scanner = try? Members(body: body) else { return nil }
        while let member = (try? scanner.next()) ?? nil {
            if member.key.isString("StreamName") { return (try? member.value.string()) ?? nil }
        }
        return nil
    }

    private static func read<Members: BodyMembers>(
        _: Members.Type, _ body: ByteBuffer, _ isBatch: Bool,
        _ maxRecordBytes: (RequestFields) throws(ServiceFault) -> Int, _ loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest
    where Members.Span: BodySpan, Members.Span.Failure == Members.Failure {
        typealias Span = Members.Span
        var members: [JSONMember] = []
        var records: Span?
        var entry = EntryReader<Span>()
        do throws(Members.Failure) {
            var scanner = try Members(body: body)
            while let (key, value) = try scanner.next() {
                if isBatch, key.isString("Records") {
                    records = value
                } else if isBatch || !entry.take(key, value) {
                    members.append(JSONMember(key: try key.string() ?? "", value: try value.field()))
                }
            }
        } catch {
            throw .serialization("\(error)")
        }
        let fields = try RequestFields(.object(members), Span.format)
        let limit = try maxRecordBytes(fields)
        guard isBatch else {
            return PutRequest(fields: fields, entries: [try entry.finish(limit: limit, at: nil)], made: entry.made)
        }
        guard let records else { throw RequestFields.missing("Records") }
        return try await read(records, fields, limit, loop)
    }

    private static func read<Span: BodySpan>(
        _ records: Span, _ fields: RequestFields, _ limit: Int, _ loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest {
        var entries: [PutEntry] = []
        var reader = EntryReader<Span>()
        var sinceTurn = 0
        guard var scanner = try? records.elements() else { throw .serialization("Records must be a list") }
        while let entry = try next(&scanner, &reader, limit: limit, at: entries.count + 1) {
            entries.append(entry)
            sinceTurn += entry.bytes
            // About a third of a millisecond's work.
            if sinceTurn > 256 * 1024 {
                sinceTurn = 0
                await loop.nextTurn()
            }
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
        return PutRequest(fields: fields, entries: entries, made: reader.made)
    }

    private static func next<Elements: BodyElements>(
        _ scanner: inout Elements, _ reader: inout EntryReader<Elements.Span>, limit: Int, at index: Int
    ) throws(ServiceFault) -> PutEntry? where Elements.Span.Failure == Elements.Failure {
        do throws(Elements.Failure) {
            guard let span = try scanner.next() else { return nil }
            var members = try span.members()
            while let (key, value) = try members.next() { _ = reader.take(key, value) }
        } catch {
            throw .serialization("\(error)")
        }
        return try reader.finish(limit: limit, at: index)
    }

    /// Gathers one record's members and checks them.
    private struct EntryReader<Span: BodySpan> {
        private var data: Span?
        private var key: Span?
        private var explicitHashKey: Span?
        private let scratch = ByteBuffer(capacity: 4096)
        private(set) var made: [ByteBuffer] = []

        /// Whether the member is a record's.
        mutating func take(_ name: Span, _ value: Span) -> Bool {
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
            guard let data, data.valueKind == Span.blobKind else {
                throw RequestFields.notConverted(member("Data"), data?.valueKind ?? .null, to: "Blob")
            }
            guard let key, let keyText = (try? key.string()) ?? nil else {
                throw RequestFields.notConverted(member("PartitionKey"), key?.valueKind ?? .null, to: "String")
            }
            guard PutRequest.keyLengths.contains(keyText.unicodeScalars.count) else {
                throw RequestFields.constraint(
                    member("PartitionKey"), keyText, "Member must have length between 1 and 256")
            }
            guard let (blob, size) = data.blob(&made, scratch: scratch) else {
                throw .serialization("\(member("Data")) is not valid base64")
            }
            let bytes = size + keyText.utf8.count
            guard bytes <= limit else {
                throw RequestFields.constraint(
                    member("Data"), "java.nio.HeapByteBuffer[pos=0 lim=\(size) cap=\(size)]",
                    "Member must have length less than or equal to \(limit)")
            }
            guard let hashKey = hashKey(keyText) else {
                guard let explicitHashKey, let text = (try? explicitHashKey.string()) ?? nil else {
                    let kind = explicitHashKey?.valueKind ?? .null
                    throw RequestFields.notConverted(member("ExplicitHashKey"), kind, to: "String")
                }
                throw RequestFields.badHashKey(member("ExplicitHashKey"), text)
            }
            return PutEntry(
                format: Span.format, data: blob, key: key.key(&made), bytes: bytes, hashKey: hashKey)
        }

        /// Nil where the explicit hash key is none.
        private func hashKey(_ partitionKey: String) -> HashKey? {
            guard let explicitHashKey, explicitHashKey.valueKind != .null else {
                return HashKey(partitionKey: partitionKey)
            }
            return ((try? explicitHashKey.string()) ?? nil).flatMap(HashKey.init)
        }
    }
}
