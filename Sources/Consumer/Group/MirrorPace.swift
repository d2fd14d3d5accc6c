import DynamoDB

/// How often a member may write into the group's item. Performs no I/O.
///
/// An item has 1,000 write units a second for all of its members, and a write costs one for each KB of it: the group takes
/// half of that at most. Throttled, everybody slows down by twice, and comes back by and by.
struct MirrorPace: Equatable, Sendable {
    /// Half of what an item has; the rest is for leases, hand-overs and other programs.
    static let unitsPerSecond = 500
    static let longestSlowdown = 32

    /// `checkpointInterval`.
    let least: Duration
    private var slowdown = 1
    private var successes = 0

    init(least: Duration) { self.least = least }

    /// From one write to the next.
    /// - Parameters:
    ///   - itemBytes: of the item when it was seen last.
    ///   - writes: requests of all members in that time.
    func interval(itemBytes: Int, writes: Int) -> Duration {
        let units = ItemSize.writeUnits(bytes: itemBytes) * writes
        return max(least, .milliseconds(units * 1000 / Self.unitsPerSecond)) * slowdown
    }

    mutating func wrote() {
        guard slowdown > 1 else { return }
        successes += 1
        guard successes >= 8 else { return }
        successes = 0
        slowdown /= 2
    }

    mutating func throttled() {
        successes = 0
        slowdown = min(slowdown * 2, Self.longestSlowdown)
    }
}
