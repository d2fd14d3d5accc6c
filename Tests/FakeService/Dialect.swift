import AWS
import Bytes
import JSON
import LocalKinesis

/// How a service says what it has nothing to say of. Performs no I/O.
package enum Dialect: Sendable {
    /// As AWS: it leaves the member out.
    case aws
    /// As kinesis-mock, the Kinesis of LocalStack: every member is there, null where there is nothing; a record size
    /// that nobody has changed is none; and an iterator that it does not know gets a status 500 without a body.
    case kinesisMock

    /// The response to an operation as this service writes it.
    func response(to operation: String, _ body: ByteBuffer) -> ByteBuffer {
        guard self == .kinesisMock, !body.isEmpty, let tree = try? JSONParser.parse(body) else { return body }
        var json = JSONWriter()
        json.value(Self.withNulls(operation, tree))
        return json.buffer
    }

    /// The refusal of an operation as this service writes it.
    func refusal(of operation: String, _ fault: ServiceFault) -> ServiceError {
        if self == .kinesisMock, operation == "GetRecords", fault.code == "InvalidArgumentException" {
            return ServiceError(code: "HTTP500", message: "", status: 500)
        }
        return ServiceError(code: fault.code, message: fault.message, status: fault.status.rawValue)
    }

    private static func withNulls(_ operation: String, _ tree: JSONValue) -> JSONValue {
        switch operation {
        case "ListShards":
            tree.adding("NextToken").changing("Shards") { shards in
                shards.mapping { shard in
                    shard.adding("AdjacentParentShardId", "ParentShardId")
                        .changing("SequenceNumberRange") { $0.adding("EndingSequenceNumber") }
                }
            }
        case "DescribeStreamSummary":
            tree.changing("StreamDescriptionSummary") { summary in
                summary.changing("MaxRecordSizeInKiB") { $0 == 1024 ? .null : $0 }.adding("KeyId", "WarmThroughput")
            }
        case "PutRecords":
            tree.changing("Records") { records in
                records.mapping { $0.adding("ErrorCode", "ErrorMessage", "SequenceNumber", "ShardId") }
            }
        case "GetRecords":
            tree.adding("ChildShards", "NextShardIterator")
                .changing("Records") { records in records.mapping { $0.adding("EncryptionType") } }
        default: tree
        }
    }
}

extension JSONValue {
    /// An object with these members, null where it lacks them.
    fileprivate func adding(_ keys: String...) -> JSONValue {
        .object((object ?? []) + keys.filter { self[$0] == nil }.map { JSONMember(key: $0, value: .null) })
    }

    /// An object with another value of the member, where it has it.
    fileprivate func changing(_ key: String, _ change: (JSONValue) -> JSONValue) -> JSONValue {
        .object((object ?? []).map { JSONMember(key: $0.key, value: $0.key == key ? change($0.value) : $0.value) })
    }

    fileprivate func mapping(_ change: (JSONValue) -> JSONValue) -> JSONValue {
        .array((array ?? []).map(change))
    }
}
