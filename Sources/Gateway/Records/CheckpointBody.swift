import Bytes
import Consumer
import JSON
import Kinesis
import State

/// The body of `POST /streams/{s}/checkpoints` and `…/continue`. Performs no I/O.
package enum CheckpointBody {
    /// Bytes of such a body at most: an id or two and a flag.
    static let mostBytes = 4096

    /// `{"id": …}`, which takes `skip`, or `{"shardId": …, "sequenceNumber": …, "subSequenceNumber"?: …}`; and `force`.
    package static func acknowledgement(_ text: ByteBuffer) throws(Problem) -> (
        Acknowledgement, isForced: Bool
    ) {
        try acknowledgement(
            BodyFields(text, accepted: ["id", "shardId", "sequenceNumber", "subSequenceNumber", "force", "skip"]))
    }

    static func acknowledgement(_ fields: BodyFields) throws(Problem) -> (Acknowledgement, isForced: Bool) {
        let isForced = try fields.flag("force") ?? false
        if let event = try event(fields) {
            try fields.refuse("shardId", with: "id")
            try fields.refuse("sequenceNumber", with: "id")
            try fields.refuse("subSequenceNumber", with: "id")
            if try fields.flag("skip") ?? false {
                if isForced { throw .field(.conflicting("force", with: "skip")) }
                return (.skipped(event), false)
            }
            return (.event(event), isForced)
        }
        // What is passed over is named as it came.
        if try fields.flag("skip") ?? false { throw .field(.missing("id", hint: "which skip belongs to")) }
        guard fields.has("shardId") || fields.has("sequenceNumber") else {
            throw .field(.missing("id", hint: "or shardId and sequenceNumber"))
        }
        let shard = try fields.required(
            "shardId", "a shard's name, such as shardId-000000000000", fields.text("shardId").map(ShardID.init))
        let number = try fields.required(
            "sequenceNumber", "1 to 129 digits without leading zeros, as a string",
            fields.text("sequenceNumber").map(SequenceNumber.init))
        let sub = try fields.number("subSequenceNumber", atLeast: 0)
        return (.record(shard, Checkpoint(sequenceNumber: number, subSequenceNumber: sub)), isForced)
    }

    /// `{"shardId": …}` or `{"id": …}`.
    package static func continuation(_ text: ByteBuffer) throws(Problem) -> Continuation {
        try continuation(BodyFields(text, accepted: ["id", "shardId"]))
    }

    static func continuation(_ fields: BodyFields) throws(Problem) -> Continuation {
        if let event = try event(fields) {
            try fields.refuse("shardId", with: "id")
            return .event(event)
        }
        guard fields.has("shardId") else { throw .field(.missing("shardId", hint: "or id")) }
        return .shard(
            try fields.required(
                "shardId", "a shard's name, such as shardId-000000000000", fields.text("shardId").map(ShardID.init)))
    }

    private static func event(_ fields: BodyFields) throws(Problem) -> EventID? {
        guard let text = try fields.text("id") else { return nil }
        guard let event = EventID(text) else {
            throw .field(.bad("id", accepted: "the id of an event that a reader got, such as 5f2c81d0-41"))
        }
        return event
    }
}

/// The members of a small JSON object, of which each name is known. Performs no I/O.
struct BodyFields {
    private let value: JSONValue

    /// An object whose members are known to be among those that are accepted.
    init(_ object: JSONValue) {
        value = object
    }

    init(_ text: ByteBuffer, accepted: [String]) throws(Problem) {
        do {
            value = try JSONParser.parse(text)
        } catch {
            throw .field(.malformed(error))
        }
        guard let members = value.object else { throw .field(.notObject) }
        if let unknown = members.first(where: { !accepted.contains($0.key) }) {
            throw .field(.unknown(unknown.key, accepted: accepted))
        }
    }

    func has(_ name: String) -> Bool { value[name] != nil }

    /// As it stands.
    func raw(_ name: String) -> JSONValue? { value[name] }

    func refuse(_ name: String, with other: String) throws(Problem) {
        if has(name) { throw .field(.conflicting(name, with: other)) }
    }

    func text(_ name: String) throws(Problem) -> String? {
        guard let member = value[name] else { return nil }
        guard let text = member.string else { throw .field(.bad(name, accepted: "a string")) }
        return text
    }

    func flag(_ name: String) throws(Problem) -> Bool? {
        guard let member = value[name] else { return nil }
        guard let flag = member.bool else { throw .field(.bad(name, accepted: "true or false")) }
        return flag
    }

    func number(_ name: String, atLeast least: Int) throws(Problem) -> Int? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let number = member.int, number >= least else {
            throw .field(.bad(name, accepted: "a whole number of at least \(least)"))
        }
        return number
    }

    /// - Parameter value: what was read: nil where the field is missing, an inner nil where it is not what it should be.
    func required<T>(_ name: String, _ accepted: String, _ value: T??) throws(Problem) -> T {
        guard let value else { throw .field(.missing(name, hint: nil)) }
        guard let value else { throw .field(.bad(name, accepted: accepted)) }
        return value
    }
}
