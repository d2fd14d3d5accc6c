import DynamoDB
import JSON
import TestSupport

/// What real lifion-kinesis processes stored and sent: the files of Tests/Recordings/lifion.
package struct LifionRecording: Sendable, CustomStringConvertible {
    package let name: String
    package let json: JSONValue

    package init(_ name: String) throws {
        self.name = name
        json = try JSONParser.parse(try testFile("Recordings/lifion/\(name).json"))
    }

    package static let names = [
        "enhanced-fan-out", "large-items-and-compression", "manual-checkpoints", "oddities", "one-member", "rebalance",
        "reshard", "standalone-polling", "stream-recreated", "takeover",
    ]

    package var description: String { name }

    /// Every item: those at named moments, and those of requests and responses.
    package var items: [JSONValue] {
        let sent = steps.compactMap { $0["request"]?["Item"] } + steps.compactMap { $0["response"]?["Item"] }
        return (moments + sent).filter { $0.object != nil }
    }

    /// The items at the moments that have names, in their order.
    package var moments: [JSONValue] { json["items"]?.array?.compactMap { $0["item"] } ?? [] }

    /// Every UpdateItem, whatever came of it.
    package func updates() throws -> [ItemUpdate] {
        try steps.filter { $0["operation"]?.string == "UpdateItem" }.compactMap { $0["request"] }.map {
            try RecordedUpdate($0).update
        }
    }

    private var steps: [JSONValue] { json["steps"]?.array ?? [] }
}

/// Reads an UpdateItem's expressions back: what lifion-kinesis and `ItemExpressions` write of the language.
package struct RecordedUpdate {
    package private(set) var update = ItemUpdate()
    private let names: JSONValue
    private let values: JSONValue

    package init(_ request: JSONValue) throws {
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
