import Kinesis
import Reactor

/// An event as one reader's connection was given it.
struct GivenEvent: Equatable, Sendable {
    let shard: ShardID
    /// The event's last record.
    let last: Checkpoint
    /// Of its payload.
    let bytes: Int
    let at: EventLoop.Instant
}

/// Finds the event at which readers are lost again and again: mostly one that is longer than their client takes. Performs
/// no I/O.
///
/// Of each lost reader the longest event counts that it was given: a client with a limit does not get over it, and whoever
/// comes next is given it anew. One whose reader went on for longer than `patience` afterwards is not to blame. Of each
/// shard the last streak is kept.
struct LossStreaks {
    /// Losses in a row that are no accident.
    static let enough = 3
    static let patience: Duration = .seconds(10)

    private struct Streak {
        let last: Checkpoint
        var losses: Int
    }

    private var streaks: [ShardID: Streak] = [:]

    /// A reader was lost. Returns how many were at its longest event, once: when they are enough.
    mutating func lost(_ event: GivenEvent, now: EventLoop.Instant) -> Int? {
        guard now - event.at <= Self.patience else { return nil }
        var streak = streaks[event.shard] ?? Streak(last: event.last, losses: 0)
        if streak.last != event.last { streak = Streak(last: event.last, losses: 0) }
        streak.losses += 1
        streaks[event.shard] = streak
        return streak.losses == Self.enough ? streak.losses : nil
    }
}
