import AWS
import DynamoDB
import State
import Telemetry

/// The groups' items in a table of DynamoDB. Confined to its loop.
package final class DynamoDBGroupTable: GroupTable, @unchecked Sendable {
    /// What was asked of the table so far, and what that cost.
    package private(set) var use = GroupTableUse()
    /// Called when the service says that there is no table.
    package var onMissing: (() -> Void)?
    package let name: TableName
    private let client: DynamoDBClient

    package init(_ name: TableName, _ client: DynamoDBClient) {
        self.name = name
        self.client = client
    }

    package func read(_ key: ConsumerKey, isConsistent: Bool) async throws(AWSError) -> Item? {
        use.reads += 1
        let operation = GetItem(table: name, key: GroupItem.key(key), isConsistent: isConsistent)
        let response: ItemResponse
        do {
            response = try await client.call(operation)
        } catch {
            noticeMissing(error)
            throw error
        }
        use.readUnits += response.units ?? 0
        return response.item
    }

    package func create(_ key: ConsumerKey, _ item: Item) async throws(AWSError) -> Bool {
        let whole = item.merging(GroupItem.key(key)) { $1 }
        let put = PutItem(table: name, item: whole, conditions: GroupItem.newConditions)
        return if case .done = try await outcome(of: put) { true } else { false }
    }

    package func write(_ key: ConsumerKey, _ update: ItemUpdate) async throws(AWSError) -> ItemWrite {
        switch try await outcome(of: UpdateItem(table: name, key: GroupItem.key(key), update: update)) {
        case .done(let response):
            guard let item = response.item else {
                throw .response(reason: "UpdateItem gave no Attributes", requestID: nil)
            }
            return .done(item)
        case .conditionFailed(let item): return .conditionFailed(item)
        }
    }

    package func delete(_ key: ConsumerKey, if conditions: [ItemCondition]) async throws(AWSError) -> Bool {
        let operation = DeleteItem(table: name, key: GroupItem.key(key), conditions: conditions)
        return if case .done = try await outcome(of: operation) { true } else { false }
    }

    private func outcome<Write: ConditionalWrite>(of write: Write) async throws(AWSError) -> ConditionalOutcome {
        use.writes += 1
        let started = client.client.loop.now
        defer { use.writeDurations.record(client.client.loop.now - started) }
        do {
            let outcome = try await client.write(write)
            use.wrote(outcome)
            return outcome
        } catch {
            noticeMissing(error)
            throw error
        }
    }

    /// There is no such table any more, or another one in its place.
    private func noticeMissing(_ error: AWSError) {
        if error.disposition == .notFound || error.isOfOtherKeys { onMissing?() }
    }
}

extension AWSError {
    /// Whether the table has other keys than the request names.
    fileprivate var isOfOtherKeys: Bool {
        guard case .service(let error) = self, error.code == "ValidationException" else { return false }
        return error.message.contains("does not match the schema")
    }
}

/// What was asked of the groups' table, and what that cost. Performs no I/O.
package struct GroupTableUse: Equatable, Sendable {
    /// Requests, whatever became of them.
    package var reads = 0
    package var writes = 0
    /// Writes of which a condition was false: they cost what they would have cost.
    package var failedConditions = 0
    /// Capacity units, as the service says.
    package var readUnits = 0.0
    package var writtenUnits = 0.0
    /// How long a write took, tries that followed a failure included.
    package var writeDurations = Histogram(.latency)

    package init() {}

    mutating func wrote(_ outcome: ConditionalOutcome) {
        switch outcome {
        case .done(let response): writtenUnits += response.units ?? 0
        case .conditionFailed(let item):
            failedConditions += 1
            // The error does not say it. Source: reference/dynamodb-service.md, "Capacity".
            writtenUnits += Double(ItemSize.writeUnits(bytes: item.map(ItemSize.bytes) ?? 0))
        }
    }
}
