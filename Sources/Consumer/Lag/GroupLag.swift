import Kinesis
import Reactor
import State
import Time

/// How far the checkpoints of one group are behind, by what is known of each shard: from its reader, from what was sent and
/// not acknowledged, and from probes. Confined to its loop.
struct GroupLag {
    let positions: Positions
    /// nil while the group has no reader.
    let session: ReadingSession?

    func backlog(of shard: ShardState, now: WallTime) -> ShardBacklog {
        let events = positions.unacknowledgedEvents[shard.id]
        return ShardBacklog(
            checkpointLag: lag(of: shard, now: now), unacknowledgedEvents: events?.count ?? 0,
            oldestUnacknowledged: events?.firstSentOn.map { max(0, Int(now.milliseconds - $0.milliseconds)) })
    }

    /// Milliseconds from the arrival of the oldest record that the checkpoint does not cover; 0 where it covers everything up
    /// to the shard's tip. nil: not known yet.
    private func lag(of shard: ShardState, now: WallTime) -> Int? {
        if isDepleted(shard) { return 0 }
        if let since = firstOpenArrival(shard) { return ShardTip.behind(since: since).lag(now: now) }
        let tip = positions.tip(of: shard.id)?.lag(now: now)
        guard let session, let task = session.task(of: shard.id) else { return tip }
        let lag = task.lag(now: session.loop.now)
        return task.followsTip ? lag ?? tip : tip ?? lag
    }

    /// Shards whose checkpoint's lag only a probe can tell.
    var unmeasured: [ShardID] {
        positions.book.shards.filter(isUnmeasured).map(\.id)
    }

    /// Where a probe of the shard begins; nil where none is needed.
    func probePosition(of id: ShardID) -> ReadPosition? {
        guard let shard = positions.book.shard(id), isUnmeasured(shard) else { return nil }
        return positions.book.position(of: id)
    }

    private func isUnmeasured(_ shard: ShardState) -> Bool {
        guard !isDepleted(shard), firstOpenArrival(shard) == nil else { return false }
        // What fails for the reader fails for a probe.
        return session?.task(of: shard.id)?.isHeldBack ?? true
    }

    private func isDepleted(_ shard: ShardState) -> Bool {
        shard.isDepleted || positions.book.lineage.isDepleted(shard.id)
    }

    /// When the oldest record arrived that a reader was given and the checkpoint does not cover.
    private func firstOpenArrival(_ shard: ShardState) -> WallTime? {
        positions.unacknowledgedEvents[shard.id]?.firstArrival(behind: ShardProgress(shard.checkpoint))
            ?? session?.task(of: shard.id)?.firstUnsettledArrival
    }
}
