import DynamoDB
import State
import Time

/// What the process's consumers share of being members of their groups.
package struct GroupContext: Sendable {
    package let table: any GroupTable
    /// Whether the table can be used, and why not.
    package let readiness: any TableReadiness
    package let member: MemberID
    package let appName: String
    package let host: String
    package let pid: Int
    /// When the process started.
    package let startedOn: WallTime
    /// The time as the table's service says it.
    package let serviceTime: @Sendable () -> WallTime

    package init(
        table: any GroupTable, readiness: any TableReadiness, member: MemberID, appName: String, host: String, pid: Int,
        startedOn: WallTime, serviceTime: @escaping @Sendable () -> WallTime
    ) {
        self.table = table
        self.readiness = readiness
        self.member = member
        self.appName = appName
        self.host = host
        self.pid = pid
        self.startedOn = startedOn
        self.serviceTime = serviceTime
    }
}
