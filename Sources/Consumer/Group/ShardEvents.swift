/// What has happened to a shard here that its group is to hear of.
struct ShardEvents: OptionSet {
    let rawValue: UInt8

    /// Its place has changed.
    static let moved = ShardEvents(rawValue: 1)
    /// It goes on further back.
    static let wentBack = ShardEvents(rawValue: 2)
    /// It is read to its end.
    static let ended = ShardEvents(rawValue: 4)
    /// It was given up, and nothing of it is in flight any more.
    static let settled = ShardEvents(rawValue: 8)
    /// Somebody waits until what is known of it is written.
    static let awaited = ShardEvents(rawValue: 16)

    /// Whether it is not left until something is written anyway.
    var areUrgent: Bool { !subtracting(.moved).isEmpty }
}
