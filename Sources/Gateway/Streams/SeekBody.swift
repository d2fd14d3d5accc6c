import Bytes
import Consumer
import JSON
import Kinesis

/// The body of `POST /streams/{s}/seek`. Performs no I/O.
package enum SeekBody {
    private static let acceptedTarget =
        "\"TRIM_HORIZON\", \"LATEST\", a time such as \"2026-01-02T03:04:05Z\", or {\"sequenceNumber\": …} with shardId"

    /// `{"to": …, "shardId"?: …, "dryRun"?: …}`.
    package static func request(_ text: ByteBuffer) throws(Problem) -> SeekRequest {
        let fields = try BodyFields(text, accepted: ["to", "shardId", "dryRun"])
        switch fields.raw("to") {
        case .string(let text): return try request(fields, target: place(text))
        case .object(let members):
            let target = BodyFields(.object(members))
            if let unknown = members.first(where: { $0.key != "sequenceNumber" }) {
                throw .field(.unknown("to.\(unknown.key)", accepted: ["to.sequenceNumber"]))
            }
            return try request(fields, target: try record(target, "to.sequenceNumber", fields))
        case nil: throw .field(.missing("to", hint: nil))
        default: throw .field(.bad("to", accepted: acceptedTarget))
        }
    }

    /// As gRPC has it: `to` and `sequenceNumber` stand beside each other, one of them.
    static func request(_ fields: BodyFields) throws(Problem) -> SeekRequest {
        if let text = try fields.text("to"), !text.isEmpty {
            if let number = try fields.text("sequenceNumber"), !number.isEmpty {
                throw .field(.conflicting("sequenceNumber", with: "to"))
            }
            return try request(fields, target: place(text))
        }
        guard fields.has("sequenceNumber") else { throw .field(.missing("to", hint: "or sequenceNumber")) }
        return try request(fields, target: try record(fields, "sequenceNumber", fields))
    }

    private static func request(_ fields: BodyFields, target: SeekTarget) throws(Problem) -> SeekRequest {
        SeekRequest(
            target, shard: fields.has("shardId") ? try shard(fields) : nil, isDryRun: try fields.flag("dryRun") ?? false
        )
    }

    private static func place(_ text: String) throws(Problem) -> SeekTarget {
        switch text {
        case "TRIM_HORIZON": return .trimHorizon
        case "LATEST": return .latest
        default:
            guard let moment = OptionKind.moment(text) else { throw .field(.bad("to", accepted: acceptedTarget)) }
            return .moment(moment)
        }
    }

    private static func record(_ target: BodyFields, _ name: String, _ fields: BodyFields) throws(Problem) -> SeekTarget
    {
        guard target.has("sequenceNumber") else { throw .field(.missing(name, hint: nil)) }
        guard let number = target.raw("sequenceNumber")?.string.flatMap(SequenceNumber.init) else {
            throw .field(.bad(name, accepted: "1 to 129 digits without leading zeros, as a string"))
        }
        return .record(number, of: try shard(fields))
    }

    private static func shard(_ fields: BodyFields) throws(Problem) -> ShardID {
        try fields.required(
            "shardId", "a shard's name, such as shardId-000000000000", fields.text("shardId").map(ShardID.init))
    }
}
