import AWS
import JSON

/// One call of the DynamoDB API.
package protocol DynamoDBOperation: ServiceOperation {}

/// A write of one item that takes place only where its conditions are true. That they are not is an outcome, and no failure.
package protocol ConditionalWrite: DynamoDBOperation where Response == ItemResponse {}

extension ConditionalWrite {
    package static var expectedCodes: [String] { [conditionFailedCode] }

    static var conditionFailedCode: String { "ConditionalCheckFailedException" }
}

/// An item, as a call left or found it, and what that cost.
package struct ItemResponse: Equatable, Sendable {
    /// nil where there is none.
    package let item: Item?
    /// Capacity units, read or written; nil where the service does not say.
    package let units: Double?

    /// - Parameter member: under which the operation's response has the item.
    init(_ json: JSONValue, member: String) throws(ResponseError) {
        if let attributes = json[member], !attributes.isNull {
            item = try AttributeValue.item(attributes, path: member)
        } else {
            item = nil
        }
        units = json["ConsumedCapacity"]?["CapacityUnits"]?.double
    }
}
