import DynamoDB
import State
import Time

/// Who takes part in a group, by its item as it was read now and then: whose heartbeat moves, or is not over yet. Performs
/// no I/O.
package struct GroupPresence: Sendable {
    private var sightings = Sightings()
    private var last: GroupItem?

    package init() {}

    /// The item as it is now; nil: there is none.
    package mutating func look(at item: Item?, now: ContinuousClock.Instant) {
        last = item.map { GroupItem($0, place: .shared) }
        if let last { sightings.look(at: last, now: now) }
    }

    /// Those who count as members, by their names.
    /// - Parameter wall: the time as the table's service says it.
    package func members(now: ContinuousClock.Instant, wall: WallTime) -> [GroupMember] {
        let moment = GroupMoment(instant: now, wall: wall)
        return (last?.members.values.filter { sightings.isAlive($0, now: moment) } ?? []).sorted { $0.id < $1.id }
    }
}
