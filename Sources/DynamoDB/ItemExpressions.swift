import JSON

/// An update and its conditions in the service's language. Performs no I/O.
///
/// Every name and value stands behind a placeholder: shard ids have hyphens, some names are reserved, and what is said
/// twice is sent once.
package struct ItemExpressions: Equatable, Sendable {
    /// The most of each expression, bytes as they are sent: the service refuses more than 4,096.
    package static let mostBytes = 4000
    /// The most assignments of an update; some emulators fail at more.
    package static let mostSets = 150
    /// The most operators of an expression: the comparisons and what joins them. The service refuses more than 300.
    package static let mostOperators = 300

    package private(set) var update = ""
    package private(set) var condition = ""
    /// Comparisons, functions and `AND`s of the condition. The `=` of an assignment is none.
    package private(set) var operators = 0
    private(set) var names: [String] = []
    private(set) var values: [AttributeValue] = []
    private var nameIndexes: [String: Int] = [:]
    private let setCount: Int

    package init(_ change: ItemUpdate) {
        setCount = change.sets.count
        if !change.sets.isEmpty {
            update = "SET " + change.sets.map { "\(place($0.path))=\(place($0.value))" }.joined(separator: ",")
        }
        if !change.removals.isEmpty {
            let removals = change.removals.map { place($0) }.joined(separator: ",")
            update += (update.isEmpty ? "" : " ") + "REMOVE " + removals
        }
        self.require(change.conditions)
    }

    /// The conditions of a PutItem or DeleteItem.
    package init(_ conditions: [ItemCondition]) {
        setCount = 0
        require(conditions)
    }

    /// Whether the service takes it, with what is kept free for the emulators.
    package var fits: Bool {
        setCount <= Self.mostSets && operators <= Self.mostOperators
            && update.utf8.count <= Self.mostBytes && condition.utf8.count <= Self.mostBytes
    }

    /// Writes the members that are not empty: the service refuses empty ones.
    func write(_ json: inout JSONWriter) {
        if !update.isEmpty { json.member("UpdateExpression", update) }
        if !condition.isEmpty { json.member("ConditionExpression", condition) }
        if !names.isEmpty {
            json.key("ExpressionAttributeNames")
            json.beginObject()
            for (index, name) in names.enumerated() {
                json.key(Self.placeholder("#", index))
                json.string(name)
            }
            json.endObject()
        }
        if !values.isEmpty {
            json.key("ExpressionAttributeValues")
            json.beginObject()
            for (index, value) in values.enumerated() {
                json.key(Self.placeholder(":", index))
                json.attribute(value)
            }
            json.endObject()
        }
    }

    private mutating func require(_ conditions: [ItemCondition]) {
        condition = conditions.map { text(of: $0) }.joined(separator: " AND ")
        operators = max(0, conditions.count * 2 - 1)
    }

    private mutating func text(of condition: ItemCondition) -> String {
        switch condition {
        case .equals(let path, let value): "\(place(path)) = \(place(value))"
        case .exists(let path): "attribute_exists(\(place(path)))"
        case .isAbsent(let path): "attribute_not_exists(\(place(path)))"
        }
    }

    private mutating func place(_ path: AttributePath) -> String {
        path.names.map { Self.placeholder("#", index(of: $0)) }.joined(separator: ".")
    }

    private mutating func place(_ value: AttributeValue) -> String {
        if let index = values.firstIndex(of: value) { return Self.placeholder(":", index) }
        values.append(value)
        return Self.placeholder(":", values.count - 1)
    }

    private mutating func index(of name: String) -> Int {
        if let index = nameIndexes[name] { return index }
        nameIndexes[name] = names.count
        names.append(name)
        return names.count - 1
    }

    /// Two characters for the first 36, which are those that come most often.
    private static func placeholder(_ sign: String, _ index: Int) -> String {
        sign + String(index, radix: 36)
    }
}
