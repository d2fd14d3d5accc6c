import AWS
import Bytes
import JSON

/// PutRecords: writes the request of up to 500 entries, reads the results without a tree. Performs no I/O.
package struct PutRecords: Sendable {
    package static let name = "PutRecords"
    /// Of PutRecord too: the put path makes the stream, or says that there is none.
    package static let expectedCodes = ["ResourceNotFoundException"]
    package let stream: StreamName
    package let entries: [PutRecordEntry]

    package init(stream: StreamName, entries: [PutRecordEntry]) {
        self.stream = stream
        self.entries = entries
    }

    /// Bytes that the request takes, about: room to reserve before writing.
    package var estimatedBytes: Int {
        entries.reduce(128) { $0 + Base64.encodedCount($1.range.count) + $1.partitionKey.utf8.count + 128 }
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member(stream)
        json.key("Records")
        json.beginArray()
        for entry in entries {
            json.beginObject()
            entry.writeMembers(&json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    /// - Parameter count: entries of the request; another number of results is a bad response.
    package static func read(_ response: ByteBuffer, count: Int) throws(ResponseError) -> PutRecordsAnswer {
        var encryption = "NONE"
        var results: [PutResult] = []
        var members = try scan { () throws(JSONError) in try JSONObjectScanner(response.bytes) }
        while let (key, value) = try scan({ () throws(JSONError) in try members.next() }) {
            if key.isString("EncryptionType") {
                encryption = try scan { () throws(JSONError) in try value.string() } ?? encryption
            } else if key.isString("Records") {
                results = try readResults(value, count: count)
            }
        }
        guard results.count == count else { throw .badField("Records") }
        return PutRecordsAnswer(encryptionType: encryption, results: results)
    }

    private static func readResults(_ list: JSONSpan, count: Int) throws(ResponseError) -> [PutResult] {
        guard list.kind == .array else { throw .badField("Records") }
        var results: [PutResult] = []
        results.reserveCapacity(count)
        var elements = try scan { () throws(JSONError) in try JSONArrayScanner(list) }
        while let element = try scan({ () throws(JSONError) in try elements.next() }) {
            results.append(try readResult(element, index: results.count))
        }
        return results
    }

    private static func readResult(_ element: JSONSpan, index: Int) throws(ResponseError) -> PutResult {
        guard element.kind == .object else { throw .badField("Records[\(index)]") }
        var fields = PutFields()
        try scan { () throws(JSONError) in try fields.read(element.raw, offset: element.offset) }
        if let code = fields.errorCode { return .failed(code: code, message: fields.errorMessage ?? "") }
        guard let shard = fields.shard else { throw .badField("Records[\(index)].ShardId") }
        guard let number = fields.sequenceNumber else { throw .badField("Records[\(index)].SequenceNumber") }
        return .accepted(shard: shard, sequenceNumber: number)
    }

    /// A scanner's step, with its error as a response's.
    private static func scan<T>(_ step: () throws(JSONError) -> T) throws(ResponseError) -> T {
        do {
            return try step()
        } catch {
            throw .notJSON(error)
        }
    }
}

/// PutRecord: one record, the only call that takes SequenceNumberForOrdering.
package struct PutRecord: Sendable {
    package static let name = "PutRecord"
    package let stream: StreamName
    package let entry: PutRecordEntry
    package let sequenceNumberForOrdering: SequenceNumber?

    package init(stream: StreamName, entry: PutRecordEntry, sequenceNumberForOrdering: SequenceNumber? = nil) {
        self.stream = stream
        self.entry = entry
        self.sequenceNumberForOrdering = sequenceNumberForOrdering
    }

    /// Bytes that the request takes, about: room to reserve before writing.
    package var estimatedBytes: Int {
        Base64.encodedCount(entry.range.count) + entry.partitionKey.utf8.count + 512
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member(stream)
        entry.writeMembers(&json)
        if let sequenceNumberForOrdering {
            json.member("SequenceNumberForOrdering", sequenceNumberForOrdering.text)
        }
        json.endObject()
    }

    package static func read(_ response: ByteBuffer) throws(ResponseError) -> PutRecordAnswer {
        var fields = PutFields()
        do {
            try fields.read(response.bytes, offset: 0)
        } catch {
            throw .notJSON(error)
        }
        guard let shard = fields.shard else { throw .badField("ShardId") }
        guard let number = fields.sequenceNumber else { throw .badField("SequenceNumber") }
        return PutRecordAnswer(encryptionType: fields.encryption ?? "NONE", shard: shard, sequenceNumber: number)
    }
}

extension PutRecordEntry {
    /// Data as base64, straight into the writer's buffer.
    fileprivate func writeMembers(_ json: inout JSONWriter) {
        json.key("Data")
        json.base64(data)
        if key != .none { json.member("PartitionKey", partitionKey) }
        if let explicitHashKey {
            json.member("ExplicitHashKey", explicitHashKey.description)
        }
    }
}

/// The members of one result, a response's or an entry's.
private struct PutFields {
    var shard: ShardID?
    var sequenceNumber: SequenceNumber?
    var errorCode: String?
    var errorMessage: String?
    var encryption: String?

    mutating func read(_ text: UnsafeRawBufferPointer, offset: Int) throws(JSONError) {
        do {
            var members = try JSONObjectScanner(text)
            while let (key, value) = try members.next() {
                if key.isString("SequenceNumber") {
                    sequenceNumber = try value.string().flatMap(SequenceNumber.init)
                } else if key.isString("ShardId") {
                    shard = try value.string().flatMap(ShardID.init)
                } else if key.isString("ErrorCode") {
                    errorCode = try value.string()
                } else if key.isString("ErrorMessage") {
                    errorMessage = try value.string()
                } else if key.isString("EncryptionType") {
                    encryption = try value.string()
                }
            }
        } catch {
            throw JSONError(error.reason, at: error.offset + offset)
        }
    }
}
