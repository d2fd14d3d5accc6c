import JSON

/// One call of the DynamoDB API as a value: it writes its request and reads its response. Performs no I/O.
package protocol DynamoDBOperation: Sendable {
    associatedtype Response: Sendable
    /// The operation's name, which follows `DynamoDB_20120810.` in X-Amz-Target.
    static var name: String { get }
    /// Writes the request body, one JSON object.
    func write(_ json: inout JSONWriter)
    /// Reads the response's body; an empty body is given as `.object([])`.
    static func read(_ json: JSONValue) throws(DynamoDBResponseError) -> Response
}

/// A response of the service that is not what its API promises.
package enum DynamoDBResponseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The body is not JSON.
    case notJSON(JSONError)
    /// A member (named by its path, `Item.shards.M`) that must be there is missing or of another type.
    case badField(String)

    package var description: String {
        switch self {
        case .notJSON(let error): "the service's response is not JSON: \(error)"
        case .badField(let path): "the service's response lacks a good \(path)"
        }
    }
}

/// An item, as a call left or found it, and what that cost.
package struct ItemResponse: Equatable, Sendable {
    /// nil where there is none.
    package let item: Item?
    /// Capacity units, read or written; nil where the service does not say.
    package let units: Double?

    /// - Parameter member: under which the operation's response has the item.
    init(_ json: JSONValue, member: String) throws(DynamoDBResponseError) {
        if let attributes = json[member], !attributes.isNull {
            item = try AttributeValue.item(attributes, path: member)
        } else {
            item = nil
        }
        units = json["ConsumedCapacity"]?["CapacityUnits"]?.double
    }
}
