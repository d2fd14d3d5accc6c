import Time

/// The two clocks of a member at one moment.
struct GroupMoment: Equatable, Sendable {
    /// Goes on while the host sleeps, and nobody sets it. Our own leases end by it.
    let instant: ContinuousClock.Instant
    /// The time as the service says it, which members write into the item.
    let wall: WallTime

    init(instant: ContinuousClock.Instant, wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }
}
