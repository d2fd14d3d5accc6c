import Bytes
import JSON
import Kinesis
import Producer

/// The body of a put: one record `{"data": …}` or many `{"records": [{"data": …}, …]}`. Read in one pass over the text,
/// without a tree; of a body with one bad record nothing is sent. Performs no I/O.
package struct PutBody: Sendable {
    package let put: EncodedPut
    /// Whether the body has `records`, so that the answer has them too.
    package let isMany: Bool
    /// The stream that the body names; nil where the path names it.
    package let stream: StreamName?

    /// - Parameters:
    ///   - namesStream: whether the body must name the stream, as in `POST /put`; else it must not.
    ///   - isOrdered: whether the records of a partition key keep their order through retries.
    ///   - memory: bytes that the put may hold at most, see `EncodedPut.heldBytes`.
    ///   - encoding: of the records of the stream that the path names; of another one by its name.
    package static func parse(
        _ body: ByteBuffer, namesStream: Bool, memory: Int, isOrdered: Bool = false,
        encoding: (StreamName?) -> PutEncoding = { _ in PutEncoding() }
    ) throws(PutBodyError) -> PutBody {
        if body.isEmpty { throw PutBodyError(.empty) }
        // The members point into the body until all of them are encoded.
        defer { withExtendedLifetime(body) {} }
        let members = try unsafe PutBodyMembers(body.bytes, namesStream: namesStream)
        let stream = namesStream ? try members.stream() : nil
        var encoder = PutEncoder(capacity: body.count, encoding(stream))
        if let records = members.records {
            try add(allOf: records, to: &encoder, memory)
        } else {
            try add(members.fields, to: &encoder, at: nil, memory)
        }
        return PutBody(put: encoder.finish(isOrdered: isOrdered), isMany: members.records != nil, stream: stream)
    }

    private static func add(
        allOf records: JSONSpan, to encoder: inout PutEncoder, _ memory: Int
    ) throws(PutBodyError) {
        guard records.kind == .array else { throw PutBodyError(.recordsNotArray) }
        var elements = try scan { () throws(JSONError) in try JSONArrayScanner(records) }
        while let element = try scan({ () throws(JSONError) in try elements.next() }) {
            let index = encoder.count
            try add(try PutRecordFields(of: element, at: index), to: &encoder, at: index, memory)
        }
        if encoder.count == 0 { throw PutBodyError(.noRecords) }
    }

    private static func add(
        _ fields: PutRecordFields, to encoder: inout PutEncoder, at index: Int?, _ memory: Int
    ) throws(PutBodyError) {
        do {
            try encoder.add(fields)
        } catch {
            throw PutBodyError(.badField(error), at: index)
        }
        if encoder.heldBytes > memory { throw PutBodyError(.overMemory(limit: memory)) }
    }
}

/// A scanner's step, with its error as a body's.
func scan<T>(_ step: () throws(JSONError) -> T) throws(PutBodyError) -> T {
    do {
        return try step()
    } catch {
        throw PutBodyError(.malformed(error))
    }
}

/// The members of a put's body, not checked yet.
struct PutBodyMembers {
    private(set) var fields = PutRecordFields()
    private(set) var records: JSONSpan?
    private var streamName: JSONSpan?

    /// - Parameters:
    ///   - text: has to be there for as long as the members are.
    ///   - hasRecords: whether `records` is a field: not in a line, which is one record.
    init(_ text: UnsafeRawBufferPointer, namesStream: Bool, hasRecords: Bool = true) throws(PutBodyError) {
        var scanner = try scan { () throws(JSONError) in try unsafe JSONObjectScanner(text) }
        let accepted = Self.accepted[(namesStream ? 1 : 0) + (hasRecords ? 2 : 0)]
        var lone: String?
        while let (key, value) = try scan({ () throws(JSONError) in try scanner.next() }) {
            if hasRecords, key.isString("records") {
                try set(&records, value, "records", at: nil)
            } else if namesStream, key.isString("streamName") {
                try set(&streamName, value, "streamName", at: nil)
            } else {
                lone = try fields.take(key, value, accepted: accepted, at: nil)
            }
        }
        if records != nil, let lone { throw PutBodyError(.conflict(lone, with: "records")) }
    }

    func stream() throws(PutBodyError) -> StreamName {
        guard let streamName else { throw PutBodyError(.missingStreamName) }
        let text = try scan { () throws(JSONError) in try streamName.string() }
        guard let stream = text.flatMap(StreamName.init(nameOrARN:)) else { throw PutBodyError(.badStreamName) }
        return stream
    }

    /// Made once: they are at hand for every member of every line.
    private static let accepted = [[], ["streamName"], ["records"], ["records", "streamName"]].map {
        PutRecordFields.lone + $0
    }
}

extension PutRecordFields {
    static let among = ["data", "partitionKey", "explicitHashKey", "dataEncoding"]
    /// PutRecords keeps no order among its records, so only a lone record has this one.
    static let lone = among + ["sequenceNumberForOrdering"]

    /// The fields of one of many records.
    init(of record: JSONSpan, at index: Int) throws(PutBodyError) {
        self.init()
        guard record.kind == .object else { throw PutBodyError(.notObject, at: index) }
        var scanner = try scan { () throws(JSONError) in try JSONObjectScanner(record) }
        while let (key, value) = try scan({ () throws(JSONError) in try scanner.next() }) {
            _ = try take(key, value, accepted: Self.among, at: index)
        }
    }

    /// Takes one member and returns its name. `accepted` says which names there are.
    mutating func take(
        _ key: JSONSpan, _ value: JSONSpan, accepted: [String], at index: Int?
    ) throws(PutBodyError) -> String {
        if key.isString("data") {
            try set(&data, value, "data", at: index)
            return "data"
        }
        if key.isString("partitionKey") {
            try set(&partitionKey, value, "partitionKey", at: index)
            return "partitionKey"
        }
        return try takeRarer(key, value, accepted: accepted, at: index)
    }

    private mutating func takeRarer(
        _ key: JSONSpan, _ value: JSONSpan, accepted: [String], at index: Int?
    ) throws(PutBodyError) -> String {
        let name = try scan { () throws(JSONError) in try key.string() } ?? ""
        guard accepted.contains(name) else { throw PutBodyError(.unknownField(name, accepted: accepted), at: index) }
        switch name {
        case "explicitHashKey": try set(&explicitHashKey, value, name, at: index)
        case "sequenceNumberForOrdering": try set(&sequenceNumberForOrdering, value, name, at: index)
        default: try set(&dataEncoding, value, name, at: index)
        }
        return name
    }
}

/// Sets a field that must not be there yet.
private func set(
    _ field: inout JSONSpan?, _ value: JSONSpan, _ name: String, at index: Int?
) throws(PutBodyError) {
    guard field == nil else { throw PutBodyError(.repeatedField(name), at: index) }
    field = value
}
