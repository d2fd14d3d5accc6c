import AWS
import DynamoDB
import State

/// The groups' items, wherever they stand. Each call is made once: of one that fails it is not known whether it took place,
/// except where the error says that it cannot have been sent.
package protocol GroupTable: AnyObject, Sendable {
    /// The item; nil: there is none.
    /// - Parameter isConsistent: whether every write that was answered is seen. Half the price without.
    func read(_ key: ConsumerKey, isConsistent: Bool) async throws(AWSError) -> Item?
    /// Makes the item where there is none; false: there is one.
    func create(_ key: ConsumerKey, _ item: Item) async throws(AWSError) -> Bool
    /// Changes the item if the update's conditions are true.
    func write(_ key: ConsumerKey, _ update: ItemUpdate) async throws(AWSError) -> ItemWrite
    /// Deletes the item if the conditions are true; false: they are not.
    func delete(_ key: ConsumerKey, if conditions: [ItemCondition]) async throws(AWSError) -> Bool
}

/// What became of a write to a group's item.
package enum ItemWrite: Equatable, Sendable {
    /// The item as it is now.
    case done(Item)
    /// Nothing was written. The item as it is; nil: there is none.
    case conditionFailed(Item?)
}
