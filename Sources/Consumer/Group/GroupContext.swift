import DynamoDB
import State
import Time

/// What this process takes part in groups with: their table, and who it is.
package struct GroupContext: Sendable {
    package let table: any GroupTable
    /// Whether the table can be used, and why not.
    package let readiness: any TableReadiness
    /// The time as the table's service says it: what members write into an item.
    package let serviceTime: @Sendable () -> WallTime
    package let name: MemberName
    package let appName: String
    package let host: String
    package let pid: Int
    package let startedOn: WallTime

    /// Why no item can be written; nil: the table is ready for it.
    var obstacle: String? {
        let table = readiness.state
        return table.isReady ? nil : table.problem ?? "the table was not looked at yet"
    }

    package init(
        table: any GroupTable, readiness: any TableReadiness, serviceTime: @escaping @Sendable () -> WallTime,
        name: MemberName, appName: String, host: String, pid: Int, startedOn: WallTime
    ) {
        self.table = table
        self.readiness = readiness
        self.serviceTime = serviceTime
        self.name = name
        self.appName = appName
        self.host = host
        self.pid = pid
        self.startedOn = startedOn
    }
}

/// Under which name this process takes part in groups: another one from the moment on that a second process uses it, as
/// where `dataDir` was copied. Confined to its loop.
package final class MemberName: @unchecked Sendable {
    package private(set) var current: MemberID
    private let another: @Sendable () -> MemberID

    /// - Parameter another: makes a name that nobody has, and keeps it for the next start.
    package init(_ current: MemberID, another: @escaping @Sendable () -> MemberID) {
        self.current = current
        self.another = another
    }

    /// A name instead of this one: each group notices by itself that it is shared.
    func instead(of shared: MemberID) -> MemberID {
        if current == shared { current = another() }
        return current
    }
}
