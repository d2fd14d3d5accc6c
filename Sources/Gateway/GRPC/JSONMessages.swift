import Bytes
import JSON
import Protobuf
import Time

/// Turns what the routes of HTTP answer with into messages, and small requests into what those routes take, by the fields'
/// names: `shard_id` is `shardId`. So a member is decided once. Performs no I/O. Records do not go this way.
struct JSONMessages: Sendable {
    static let package = "kinesis_sidecar.v1."
    private static let timestamp = "google.protobuf.Timestamp"

    private let messages: [String: DescriptorSet.Message]

    static let built = JSONMessages(DescriptorSet.built)

    init(_ descriptors: DescriptorSet) {
        messages = descriptors.messages
    }

    // MARK: JSON to messages

    /// The fields of a message. What is null is left out.
    func write(_ value: JSONValue, as name: String, to writer: ProtobufWriter) {
        guard let message = messages[name], let members = value.object else { return }
        for member in members {
            let field = message.field(json: member.key)
            assert(field != nil, "\(name) has no field for \(member.key)")
            if let field { write(member.value, field, writer) }
        }
    }

    private func write(_ value: JSONValue, _ field: DescriptorSet.Field, _ writer: ProtobufWriter) {
        guard field.isRepeated else { return writeOne(value, field, writer) }
        if let members = value.object, case .message(let name) = field.kind, let entry = messages[name]?.field(2) {
            for member in members {
                writer.message(field.number) {
                    $0.text(1, member.key)
                    writeOne(member.value, entry, $0)
                }
            }
        } else {
            for element in value.array ?? [] { writeOne(element, field, writer) }
        }
    }

    private func writeOne(_ value: JSONValue, _ field: DescriptorSet.Field, _ writer: ProtobufWriter) {
        switch (field.kind, value) {
        case (_, .null): return
        case (.text, .string(let text)), (.text, .number(let text)): writer.text(field.number, text)
        case (.text, .bool(let value)): writer.text(field.number, value ? "true" : "false")
        case (.bool, .bool(let value)): writer.bool(field.number, value)
        case (.int, .number): writer.int(field.number, value.int ?? 0)
        case (.double, .number): writer.double(field.number, value.double ?? 0)
        case (.message(Self.timestamp), .string(let text)):
            guard let time = WallTime(iso8601: text) else { return }
            writer.message(field.number) { $0.timestamp(time) }
        case (.message(let name), .object): writer.message(field.number) { write(value, as: name, to: $0) }
        case (.message(let name), .array):
            // A list where the message is a list alone.
            guard let list = messages[name]?.fields.first else { return }
            writer.message(field.number) { write(value, list, $0) }
        default: assertionFailure("\(field.jsonName) is no \(value)")
        }
    }

    // MARK: Messages to JSON

    /// The members that a request's fields are; those that have their default are left out, as they are on the wire.
    func read(_ reader: ProtobufReader, as name: String) throws(ProtobufError) -> JSONValue {
        var reader = reader
        var members: [JSONMember] = []
        while let field = try reader.next() {
            guard let known = messages[name]?.field(field.number) else { continue }
            if let value = try read(field, known) { Self.set(&members, known, value) }
        }
        return .object(members)
    }

    private func read(_ field: ProtobufField, _ known: DescriptorSet.Field) throws(ProtobufError) -> JSONValue? {
        switch known.kind {
        case .text: .string(try field.text())
        case .bool: .bool(try field.bool())
        case .int: .number(String(try field.int()))
        case .double: .number(String(try field.double()))
        case .message(let name): try read(field.message(), as: name)
        case .bytes: nil
        }
    }

    /// A field that comes again replaces itself, an entry of a map joins the others.
    private static func set(_ members: inout [JSONMember], _ field: DescriptorSet.Field, _ value: JSONValue) {
        let at = members.firstIndex { $0.key == field.jsonName }
        guard field.isRepeated else {
            if let at { members.remove(at: at) }
            // An empty text is as none.
            if value.string != "" { members.append(JSONMember(key: field.jsonName, value: value)) }
            return
        }
        let entry = JSONMember(key: value["key"]?.string ?? "", value: value["value"] ?? "")
        if let at, case .object(var entries) = members[at].value {
            // Taken out, so that it is not copied for each entry.
            members[at].value = .null
            entries.append(entry)
            members[at].value = .object(entries)
        } else {
            members.append(JSONMember(key: field.jsonName, value: .object([entry])))
        }
    }
}

extension ProtobufWriter {
    /// The fields of google.protobuf.Timestamp.
    func timestamp(_ time: WallTime) {
        let rest = (time.milliseconds % 1000 + 1000) % 1000
        int(1, Int((time.milliseconds - rest) / 1000))
        int(2, Int(rest) * 1_000_000)
    }
}
