import Bytes
import CBOR
import JSON
import Kinesis
import Reactor

/// What a stream demands of a record.
struct RecordLimits {
    /// Of data and partition key together.
    let bytes: Int
    let isKeyNeeded: Bool
}

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
        limits: (RequestFields) throws(ServiceFault) -> RecordLimits, loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest {
        switch format {
        case .json: try await read(JSONObjectScanner.self, body, isBatch, limits, loop)
        case .cbor: try await read(CBORMapScanner.self, body, isBatch, limits, loop)
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
        _ limits: (RequestFields) throws(ServiceFault) -> RecordLimits, _ loop: EventLoop
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
        let limits = try limits(fields)
        guard isBatch else {
            return PutRequest(fields: fields, entries: [try entry.finish(limits, at: nil)], made: entry.made)
        }
        guard let records else { throw RequestFields.missing("Records") }
        return try await read(records, fields, limits, loop)
    }

    private static func read<Span: BodySpan>(
        _ records: Span, _ fields: RequestFields, _ limits: RecordLimits, _ loop: EventLoop
    ) async throws(ServiceFault) -> PutRequest {
        var entries: [PutEntry] = []
        var reader = EntryReader<Span>()
        var sinceTurn = 0
        guard var scanner = try? records.elements() else { throw .serialization("Records must be a list") }
        while let entry = try next(&scanner, &reader, limits, at: entries.count + 1) {
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
        _ scanner: inout Elements, _ reader: inout EntryReader<Elements.Span>, _ limits: RecordLimits, at index: Int
    ) throws(ServiceFault) -> PutEntry? where Elements.Span.Failure == Elements.Failure {
        do throws(Elements.Failure) {
            guard let span = try scanner.next() else { return nil }
            var members = try span.members()
            while let (key, value) = try members.next() { _ = reader.take(key, value) }
        } catch {
            throw .serialization("\(error)")
        }
        return try reader.finish(limits, at: index)
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

        mutating func finish(_ limits: RecordLimits, at index: Int?) throws(ServiceFault) -> PutEntry {
            defer { (data, key, explicitHashKey) = (nil, nil, nil) }
            // Only for a fault: the name would be half of a record's cost.
            func member(_ name: String) -> String { index.map { "records.\($0).member.\(name)" } ?? name }
            guard let data, data.valueKind == Span.blobKind else {
                throw RequestFields.notConverted(member("Data"), data?.valueKind ?? .null, to: "Blob")
            }
            let keyText = try keyText(member("PartitionKey"), isNeeded: limits.isKeyNeeded)
            guard let (blob, size) = data.blob(&made, scratch: scratch) else {
                throw .serialization("\(member("Data")) is not valid base64")
            }
            let bytes = size + (keyText?.utf8.count ?? 0)
            guard bytes <= limits.bytes else {
                throw RequestFields.constraint(
                    member("Data"), "java.nio.HeapByteBuffer[pos=0 lim=\(size) cap=\(size)]",
                    "Member must have length less than or equal to \(limits.bytes)")
            }
            return PutEntry(
                format: Span.format, data: blob, key: keyText == nil ? nil : key?.key(&made), bytes: bytes,
                hashKey: try hashKey(keyText, member("ExplicitHashKey")))
        }

        /// Nil where there is none, and none is needed.
        private func keyText(_ name: @autoclosure () -> String, isNeeded: Bool) throws(ServiceFault) -> String? {
            if !isNeeded, key.map({ $0.valueKind == .null }) ?? true { return nil }
            guard let key, let text = (try? key.string()) ?? nil else {
                throw RequestFields.notConverted(name(), key?.valueKind ?? .null, to: "String")
            }
            guard PutRequest.keyLengths.contains(text.unicodeScalars.count) else {
                throw RequestFields.constraint(name(), text, "Member must have length between 1 and 256")
            }
            return text
        }

        private func hashKey(
            _ partitionKey: String?, _ name: @autoclosure () -> String
        ) throws(ServiceFault) -> HashKey? {
            guard let explicitHashKey, explicitHashKey.valueKind != .null else {
                return partitionKey.map(HashKey.init(partitionKey:))
            }
            guard let text = (try? explicitHashKey.string()) ?? nil else {
                throw RequestFields.notConverted(name(), explicitHashKey.valueKind, to: "String")
            }
            guard let key = HashKey(text) else { throw RequestFields.badHashKey(name(), text) }
            return key
        }
    }
}
