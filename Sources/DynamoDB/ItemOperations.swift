import AWS
import JSON

/// GetItem: the whole item. An item that is not there is no error.
package struct GetItem: DynamoDBOperation {
    package static let name = "GetItem"
    package let table: TableName
    package let key: Item
    /// Whether every write that was answered is seen. Half the price without.
    package let isConsistent: Bool

    package init(table: TableName, key: Item, isConsistent: Bool) {
        self.table = table
        self.key = key
        self.isConsistent = isConsistent
    }

    package func write(_ json: inout JSONWriter) {
        json.beginItemRequest(table)
        json.key("Key")
        json.item(key)
        json.member("ConsistentRead", isConsistent)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> ItemResponse {
        try ItemResponse(json, member: "Item")
    }
}

/// PutItem: a whole item in place of the one that there is, if the conditions are true.
package struct PutItem: ConditionalWrite {
    package static let name = "PutItem"
    package let table: TableName
    /// Its key too.
    package let item: Item
    package let conditions: [ItemCondition]

    package init(table: TableName, item: Item, conditions: [ItemCondition]) {
        self.table = table
        self.item = item
        self.conditions = conditions
    }

    package func write(_ json: inout JSONWriter) {
        json.beginItemRequest(table)
        json.key("Item")
        json.item(item)
        json.endWrite(ItemExpressions(conditions))
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> ItemResponse {
        try ItemResponse(json, member: "Attributes")
    }
}

/// UpdateItem: gives the whole item as it is afterwards, which costs no read units.
package struct UpdateItem: ConditionalWrite {
    package static let name = "UpdateItem"
    package let table: TableName
    package let key: Item
    package let update: ItemUpdate

    /// - Precondition: the update is not empty, and `ItemExpressions.fits` says that the service takes it.
    package init(table: TableName, key: Item, update: ItemUpdate) {
        self.table = table
        self.key = key
        self.update = update
    }

    package func write(_ json: inout JSONWriter) {
        json.beginItemRequest(table)
        json.key("Key")
        json.item(key)
        json.member("ReturnValues", "ALL_NEW")
        json.endWrite(ItemExpressions(update))
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> ItemResponse {
        try ItemResponse(json, member: "Attributes")
    }
}

/// DeleteItem, if the conditions are true. Without them an item that is not there is no error.
package struct DeleteItem: ConditionalWrite {
    package static let name = "DeleteItem"
    package let table: TableName
    package let key: Item
    package let conditions: [ItemCondition]

    package init(table: TableName, key: Item, conditions: [ItemCondition]) {
        self.table = table
        self.key = key
        self.conditions = conditions
    }

    package func write(_ json: inout JSONWriter) {
        json.beginItemRequest(table)
        json.key("Key")
        json.item(key)
        json.endWrite(ItemExpressions(conditions))
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> ItemResponse {
        try ItemResponse(json, member: "Attributes")
    }
}

extension JSONWriter {
    fileprivate mutating func beginItemRequest(_ table: TableName) {
        beginObject()
        member("TableName", table.text)
        member("ReturnConsumedCapacity", "TOTAL")
    }

    /// A condition that fails says how the item is.
    fileprivate mutating func endWrite(_ expressions: ItemExpressions) {
        expressions.write(&self)
        if !expressions.condition.isEmpty { member("ReturnValuesOnConditionCheckFailure", "ALL_OLD") }
        endObject()
    }
}
