import DynamoDB
import Time

/// Who takes part in a consumer group: the name of a member's record, a short UUID with lifion-kinesis.
package struct MemberID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { text }

    package static func < (left: MemberID, right: MemberID) -> Bool { left.text < right.text }
}

/// A member's record in the group's item (`consumers.<id>`): lifion-kinesis's attributes, and `leaseDuration` of ours.
/// Performs no I/O.
package struct GroupMember: Hashable, Sendable {
    package var id: MemberID
    package var appName: String
    package var host: String
    package var pid: Int
    /// When the process started.
    package var startedOn: WallTime?
    /// By the member's own clock; nil where the record has none that can be read.
    package var heartbeat: WallTime?
    /// Whether it counts for a share of the shards.
    package var isActive: Bool
    /// Whether it reads every shard by itself, with a shard map of its own.
    package var isStandalone: Bool
    /// How long its leases are, and how long it counts without a heartbeat; nil: a lifion-kinesis process.
    package var leaseDuration: Duration?

    package init(
        id: MemberID, appName: String, host: String, pid: Int, startedOn: WallTime?, heartbeat: WallTime?,
        isActive: Bool, isStandalone: Bool, leaseDuration: Duration?
    ) {
        self.id = id
        self.appName = appName
        self.host = host
        self.pid = pid
        self.startedOn = startedOn
        self.heartbeat = heartbeat
        self.isActive = isActive
        self.isStandalone = isStandalone
        self.leaseDuration = leaseDuration
    }

    /// An hour, in milliseconds: the longest `leaseDuration` that is written, and what a longer one counts as.
    package static let longestLease = 3_600_000

    /// What cannot be read is taken for what it is by default: the record of another version is no reason to stop.
    init(id: MemberID, _ record: Item) {
        self.init(
            id: id, appName: record["appName"]?.string ?? "", host: record["host"]?.string ?? "",
            pid: record["pid"]?.int ?? 0, startedOn: record["startedOn"]?.time, heartbeat: record["heartbeat"]?.time,
            isActive: record["isActive"]?.bool ?? true, isStandalone: record["isStandalone"]?.bool ?? false,
            leaseDuration: record["leaseDuration"]?.int.map { .milliseconds(min(max($0, 0), Self.longestLease)) })
    }

    /// The record of a member that registers. A standalone one that polls has its shard map in it.
    var record: Item {
        var record = introduction
        record["isActive"] = .bool(isActive)
        record["heartbeat"] = heartbeat.map { .string($0.iso8601) }
        if isStandalone { record["shards"] = [:] }
        return record
    }

    /// What a process says of itself, once: who it is, and how it takes part.
    var introduction: Item {
        var record: Item = [
            "appName": .string(appName), "host": .string(host), "pid": .number(String(pid)),
            "isStandalone": .bool(isStandalone),
        ]
        record["startedOn"] = startedOn.map { .string($0.iso8601) }
        record["leaseDuration"] = leaseDuration.map { .number(String($0.wholeMilliseconds)) }
        return record
    }

    /// Whether the other record is this very process's.
    package func isSameProcess(as other: GroupMember) -> Bool {
        host == other.host && pid == other.pid && startedOn?.iso8601 == other.startedOn?.iso8601
    }

    /// Whether the record says what a process like this says of itself.
    package func isIntroduced(by record: GroupMember) -> Bool { introduction == record.introduction }
}

extension AttributeValue {
    /// A time as lifion-kinesis writes it, ISO 8601.
    var time: WallTime? { string.flatMap(WallTime.init(iso8601:)) }
}
