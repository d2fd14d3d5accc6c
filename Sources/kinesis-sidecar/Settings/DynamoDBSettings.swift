import DynamoDB

/// What the configuration says of the table in which groups of several sidecars keep their state (`dynamoDb`).
struct DynamoDBSettings: Sendable {
    /// Nil: as `Settings.sharesGroups` has it.
    var isEnabled: Bool?
    var service = ServiceSettings()
    var table = TableName("lifion-kinesis-state")!
    /// Values by their keys.
    var tags: [String: String] = [:]
    /// Of a table that is made here, with `writeUnits`; nil: on demand.
    var readUnits: Int?
    var writeUnits: Int?

    var capacity: CreateTable.Capacity {
        guard let readUnits, let writeUnits else { return .onDemand }
        return .provisioned(read: readUnits, write: writeUnits)
    }
}
