import Kinesis

/// How far a shard is done: what comes next begins behind it.
enum ShardProgress: Hashable, Comparable, Sendable {
    /// Nothing of it: reading goes on where the shard was begun.
    case nothing
    /// Everything up to this record.
    case through(Checkpoint)

    init(_ checkpoint: Checkpoint?) {
        self = checkpoint.map(ShardProgress.through) ?? .nothing
    }

    /// nil for `nothing`.
    var checkpoint: Checkpoint? {
        if case .through(let checkpoint) = self { checkpoint } else { nil }
    }
}
