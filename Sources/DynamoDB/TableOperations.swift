import AWS
import JSON

/// DescribeTable. A missing table is a ResourceNotFoundException.
package struct DescribeTable: DynamoDBOperation {
    package static let name = "DescribeTable"
    package static let expectedCodes = ["ResourceNotFoundException"]
    package let table: TableName

    package init(table: TableName) { self.table = table }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("TableName", table.text)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> TableDescription {
        try TableDescription(json, member: "Table")
    }
}

/// CreateTable with string keys, encrypted by a key that AWS manages. The table is CREATING until DescribeTable says ACTIVE.
/// An existing name is a ResourceInUseException.
package struct CreateTable: DynamoDBOperation {
    package static let name = "CreateTable"
    package static let expectedCodes = ["ResourceInUseException"]

    /// How the table is paid for.
    package enum Capacity: Equatable, Sendable {
        case onDemand
        /// Units a second, at least 1 of each.
        case provisioned(read: Int, write: Int)
    }

    package let table: TableName
    package let hashKey: String
    package let rangeKey: String
    package let capacity: Capacity

    package init(table: TableName, hashKey: String, rangeKey: String, capacity: Capacity) {
        self.table = table
        self.hashKey = hashKey
        self.rangeKey = rangeKey
        self.capacity = capacity
    }

    /// The keys that the table gets.
    package var keys: [TableKey] { [hashKey, rangeKey].map { TableKey(name: $0, type: "S") } }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("TableName", table.text)
        json.key("AttributeDefinitions")
        json.beginArray()
        for key in keys { json.definition(key.name, "AttributeType", key.type) }
        json.endArray()
        json.key("KeySchema")
        json.beginArray()
        json.definition(hashKey, "KeyType", "HASH")
        json.definition(rangeKey, "KeyType", "RANGE")
        json.endArray()
        write(capacity, &json)
        json.key("SSESpecification")
        json.beginObject()
        json.member("Enabled", true)
        json.endObject()
        json.endObject()
    }

    private func write(_ capacity: Capacity, _ json: inout JSONWriter) {
        switch capacity {
        case .onDemand: json.member("BillingMode", "PAY_PER_REQUEST")
        case .provisioned(let read, let write):
            json.member("BillingMode", "PROVISIONED")
            json.key("ProvisionedThroughput")
            json.beginObject()
            json.member("ReadCapacityUnits", read)
            json.member("WriteCapacityUnits", write)
            json.endObject()
        }
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> TableDescription {
        try TableDescription(json, member: "TableDescription")
    }
}

extension JSONWriter {
    fileprivate mutating func definition(_ attribute: String, _ kind: StaticString, _ value: String) {
        beginObject()
        member("AttributeName", attribute)
        member(kind, value)
        endObject()
    }
}

/// A table as DescribeTable shows it.
package struct TableDescription: Equatable, Sendable {
    package let arn: String
    package let status: TableStatus
    /// Of its items: the hash key, then the range key where it has one.
    package let keys: [TableKey]

    package init(arn: String, status: TableStatus, keys: [TableKey]) {
        self.arn = arn
        self.status = status
        self.keys = keys
    }

    init(_ json: JSONValue, member: String) throws(ResponseError) {
        guard let table = json[member] else { throw .badField(member) }
        guard let arn = table["TableArn"]?.string else { throw .badField(member + ".TableArn") }
        guard let status = table["TableStatus"]?.string else { throw .badField(member + ".TableStatus") }
        self.init(arn: arn, status: TableStatus(rawValue: status), keys: try Self.keys(table, member))
    }

    private static func keys(_ table: JSONValue, _ member: String) throws(ResponseError) -> [TableKey] {
        var types: [String: String] = [:]
        for definition in table["AttributeDefinitions"]?.array ?? [] {
            guard let name = definition["AttributeName"]?.string, let type = definition["AttributeType"]?.string else {
                throw .badField(member + ".AttributeDefinitions")
            }
            types[name] = type
        }
        let hashFirst = (table["KeySchema"]?.array ?? []).sorted {
            $0["KeyType"]?.string == "HASH" && $1["KeyType"]?.string != "HASH"
        }
        var keys: [TableKey] = []
        for key in hashFirst {
            guard let name = key["AttributeName"]?.string, let type = types[name] else {
                throw .badField(member + ".KeySchema")
            }
            keys.append(TableKey(name: name, type: type))
        }
        return keys
    }
}

/// A key of a table's items.
package struct TableKey: Equatable, Sendable {
    package let name: String
    /// `S`, `N` or `B`.
    package let type: String

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }
}

/// A table's state; the service may grow others, which are kept as they are.
package struct TableStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static let creating = TableStatus(rawValue: "CREATING")
    package static let active = TableStatus(rawValue: "ACTIVE")
    /// Items are served.
    package static let updating = TableStatus(rawValue: "UPDATING")
    package static let deleting = TableStatus(rawValue: "DELETING")
}

/// A table's name: 3…255 characters of `[a-zA-Z0-9_.-]`.
package struct TableName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// nil when the service would refuse the name.
    package init?(_ text: String) {
        guard (3...255).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.text = text
    }

    package var description: String { text }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
