import Consumer
import JSON
import Kinesis
import Protobuf

/// One request of `Follow`. Performs no I/O.
enum FollowRequest {
    case open(FollowOpening)
    case acknowledge(Acknowledgement, isForced: Bool)
    case goOn(Continuation)
    case credit(Int)

    init(_ message: ProtobufReader) throws(Problem) {
        let members = try CallFields(message, "FollowRequest").value.object ?? []
        // Of a oneof the last one counts.
        guard let request = members.last else { throw .grpc(.outOfOrder(expected: Self.names)) }
        switch request.key {
        case "open": self = .open(try FollowOpening(CallFields(request.value)))
        case "acknowledge":
            let said = try CheckpointBody.acknowledgement(BodyFields(request.value))
            self = .acknowledge(said.0, isForced: said.isForced)
        case "continue": self = .goOn(try CheckpointBody.continuation(BodyFields(request.value)))
        default: self = .credit(FollowOpening.records(request.value["records"]) ?? 0)
        }
    }

    private static let names = "open, acknowledge, continue or credit in each request of Follow"
}

/// What the first request of `Follow` says.
struct FollowOpening {
    var stream: StreamName
    /// The group among them.
    let options: NamedOptions
    let lastEvent: String?
    let isTail: Bool
    let credit: RecordCredit

    init(_ fields: CallFields) throws(Problem) {
        stream = try CallFields.stream(fields.streamName ?? "")
        options = try fields.options()
        lastEvent = fields.value["lastEventId"]?.string
        isTail = fields.value["tail"]?.bool ?? false
        credit = Self.records(fields.value["credit"]).map { .left($0) } ?? .unbounded
        if isTail { try RecordsRequest.checkTail(options) }
    }

    /// A uint64; more than an Int holds is as much as that.
    static func records(_ value: JSONValue?) -> Int? {
        value?.int.map { $0 < 0 ? .max : $0 }
    }
}
