import Bytes
import JSON
import TestSupport
import Testing

@testable import DynamoDB

/// What real lifion-kinesis processes stored: Tests/Recordings/lifion.
@Suite struct RecordedItemTests {
    static let names = [
        "enhanced-fan-out", "large-items-and-compression", "manual-checkpoints", "oddities", "one-member", "rebalance",
        "reshard", "standalone-polling", "stream-recreated", "takeover",
    ]

    /// Every item of a recording: those at named moments, and those of requests and responses.
    static func items(_ name: String) throws -> [JSONValue] {
        let recording = try JSONParser.parse(try testFile("Recordings/lifion/\(name).json"))
        let moments = recording["items"]?.array?.compactMap { $0["item"] } ?? []
        let steps = recording["steps"]?.array ?? []
        let sent = steps.compactMap { $0["request"]?["Item"] } + steps.compactMap { $0["response"]?["Item"] }
        return (moments + sent).filter { $0.object != nil }
    }

    @Test(arguments: names) func `every item is read, and written as it was`(name: String) throws {
        let items = try Self.items(name)
        #expect(!items.isEmpty)
        for json in items {
            let item = try AttributeValue.attributes(json, path: "Item")
            var writer = JSONWriter()
            writer.item(item)
            #expect(try JSONParser.parse(writer.buffer).sorted == json.sorted)
        }
    }

    @Test(arguments: names) func `every condition and assignment can be said again`(name: String) throws {
        let recording = try JSONParser.parse(try testFile("Recordings/lifion/\(name).json"))
        let updates = recording["steps"]?.array?.filter { $0["operation"]?.string == "UpdateItem" } ?? []
        for update in updates {
            let request = try #require(update["request"])
            let said = try RecordedUpdate(request).update
            let expressions = ItemExpressions(said)
            #expect(expressions.fits)
            var writer = JSONWriter()
            UpdateItem(table: TableName("lifion-kinesis-state")!, key: [:], update: said).write(&writer)
            #expect(try RecordedUpdate(JSONParser.parse(writer.buffer)).update == said)
        }
    }
}

/// Reads an UpdateItem's expressions back: what lifion-kinesis and `ItemExpressions` write of the language.
private struct RecordedUpdate {
    var update = ItemUpdate()
    private let names: JSONValue
    private let values: JSONValue

    init(_ request: JSONValue) throws {
        names = request["ExpressionAttributeNames"] ?? .object([])
        values = request["ExpressionAttributeValues"] ?? .object([])
        try read(update: request["UpdateExpression"]?.string ?? "")
        for condition in (request["ConditionExpression"]?.string ?? "").split(separator: " AND ") {
            let condition = condition.filter { $0 != " " }
            if condition.hasPrefix("attribute_exists(") {
                update.require(.exists(path(condition.dropFirst(17).dropLast())))
            } else if condition.hasPrefix("attribute_not_exists(") {
                update.require(.isAbsent(path(condition.dropFirst(21).dropLast())))
            } else if !condition.isEmpty {
                let sides = condition.split(separator: "=")
                update.require(.equals(path(sides[0]), try value(sides[1])))
            }
        }
    }

    private mutating func read(update text: String) throws {
        let clauses = text.split(separator: " REMOVE ", omittingEmptySubsequences: false)
        var removals = clauses.dropFirst().joined()
        var sets = String(clauses.first ?? "")
        if sets.hasPrefix("REMOVE ") {
            removals = String(sets.dropFirst(7))
            sets = ""
        }
        for assignment in sets.dropFirst(4).split(separator: ",") {
            let sides = assignment.filter { $0 != " " }.split(separator: "=")
            update.set(path(sides[0]), try value(sides[1]))
        }
        for removal in removals.split(separator: ",") { update.remove(path(removal.filter { $0 != " " }[...])) }
    }

    private func path(_ text: some StringProtocol) -> AttributePath {
        AttributePath(text.split(separator: ".").map { names[String($0)]?.string ?? String($0) })
    }

    private func value(_ text: some StringProtocol) throws -> AttributeValue {
        try AttributeValue(values[String(text)] ?? .null, path: String(text))
    }
}

extension JSONValue {
    /// With the members of each object in the order of their keys.
    fileprivate var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(
                members.sorted { $0.key < $1.key }.map { JSONMember(key: $0.key, value: $0.value.sorted) })
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }
}
