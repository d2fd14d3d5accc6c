import AWS
import JSON

/// Scan, one page: the items of a whole table, in no order. A page has at most 1 MB.
///
/// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
package struct Scan: DynamoDBOperation {
    package static let name = "Scan"
    package static let expectedCodes = ["ResourceNotFoundException"]
    package let table: TableName
    /// The key behind which the page begins; nil: it is the first.
    package let start: Item?
    /// Whether every write that was answered is seen. Half the price without.
    package let isConsistent: Bool

    package init(table: TableName, from start: Item? = nil, isConsistent: Bool) {
        self.table = table
        self.start = start
        self.isConsistent = isConsistent
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("TableName", table.text)
        json.member("ConsistentRead", isConsistent)
        if let start {
            json.key("ExclusiveStartKey")
            json.item(start)
        }
        json.endObject()
    }

    package struct Response: Equatable, Sendable {
        package let items: [Item]
        /// From where the next page is asked; nil: this was the last.
        package let next: Item?
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> Response {
        guard let elements = json["Items"]?.array else { throw .badField("Items") }
        var items: [Item] = []
        for (index, element) in elements.enumerated() {
            items.append(try AttributeValue.item(element, path: "Items[\(index)]"))
        }
        guard let key = json["LastEvaluatedKey"], !key.isNull else { return Response(items: items, next: nil) }
        return Response(items: items, next: try AttributeValue.item(key, path: "LastEvaluatedKey"))
    }
}

extension DynamoDBClient {
    /// Pages of one scan: a table of 1 GB. A service that has always another page ends with an error instead.
    private static let maximumPages = 1000

    /// Every item of a table.
    package func scan(_ table: TableName, isConsistent: Bool, retry: Retrying?) async throws(AWSError) -> [Item] {
        var items: [Item] = []
        var start: Item?
        for _ in 0..<Self.maximumPages {
            let page = try await call(Scan(table: table, from: start, isConsistent: isConsistent), retry: retry)
            items += page.items
            guard let next = page.next else { return items }
            start = next
        }
        throw .response(reason: "Scan had no end within \(Self.maximumPages) pages", requestID: nil)
    }
}
