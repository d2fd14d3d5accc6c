import Consumer

/// One consumer's shards added up. Performs no I/O.
struct ShardTotals: Equatable {
    /// Of what is known of at least one shard, milliseconds.
    struct Times: Equatable {
        var most: Int
        var sum: Int
    }

    var shards = 0
    var degradedShards = 0
    var unacknowledgedEvents = 0
    /// nil while no shard is read.
    var lag: Times?
    /// nil while it is known of none.
    var checkpointLag: Times?

    init(_ shards: [ShardSnapshot]) {
        for shard in shards {
            self.shards += 1
            if shard.phase == .degraded { degradedShards += 1 }
            unacknowledgedEvents += shard.backlog.unacknowledgedEvents
            if let time = shard.millisBehindLatest { Self.add(time, to: &lag) }
            if let time = shard.backlog.checkpointLag { Self.add(time, to: &checkpointLag) }
        }
    }

    private static func add(_ time: Int, to times: inout Times?) {
        times = Times(most: max(times?.most ?? 0, time), sum: (times?.sum ?? 0) + time)
    }
}
