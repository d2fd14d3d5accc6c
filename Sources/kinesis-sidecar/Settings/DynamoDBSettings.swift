import AWS
import DynamoDB

/// What the configuration says of the table in which groups of several sidecars keep their state (`dynamoDb`).
struct DynamoDBSettings: Sendable {
    /// Nil: as `Settings.sharesGroups` has it.
    var isEnabled: Bool?
    /// Before `Settings.endpoint` and `Settings.region`.
    var endpoint: String?
    var region: String?
    var table = TableName("lifion-kinesis-state")!
    /// Before `Settings.keys`.
    var keys = AccessKeys()
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

/// What signs requests, where the configuration itself has it.
struct AccessKeys: Sendable {
    var id: String?
    var secret: Secret?
    var sessionToken: Secret?

    /// Its options, by the name of the mapping that holds them.
    static func names(of mapping: String) -> [String] {
        ["accessKeyId", "secretAccessKey", "sessionToken"].map { "\(mapping).\($0)" }
    }

    var credentials: Credentials? {
        guard let id, let secret else { return nil }
        return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: sessionToken)
    }
}
