import Kinesis
import State

extension Consumer {
    var snapshot: ConsumerSnapshot {
        let book = (session?.positions ?? positions)?.book
        return ConsumerSnapshot(
            id: id, startedOn: startedOn, stream: key.stream, group: key.group, phase: phase, holdsShards: holdsShards,
            isConfigured: isConfigured, readerIDs: session?.readerIDs.map(\.text) ?? [],
            options: options.named, shards: book.map(shards) ?? [], problem: problem ?? session?.problem)
    }

    private var phase: ConsumerSnapshot.Phase {
        if isStopped { return session == nil ? .stopped : .stopping }
        if session != nil { return .reading }
        return positions == nil ? .starting : .idle
    }

    private func shards(of book: ShardBook) -> [ShardSnapshot] {
        book.shards.map { shard in
            let task = session?.task(of: shard.id)
            return ShardSnapshot(
                id: shard.id, parents: shard.parents, phase: phase(of: shard, task, book),
                readerID: session?.owner(of: shard.id)?.text,
                checkpoint: shard.checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber },
                checkpointArrival: shard.checkpoint?.arrival,
                millisBehindLatest: task?.lag(now: context.loop.now), bufferedBytes: task?.bufferedBytes ?? 0,
                problem: task?.lastError, counters: counters[shard.id])
        }
    }

    private func phase(of shard: ShardState, _ task: ShardTask?, _ book: ShardBook) -> ShardSnapshot.Phase {
        if shard.isDepleted || book.lineage.isDepleted(shard.id) { return .depleted }
        guard session != nil else { return .idle }
        guard let task else { return .waiting }
        if task.lastError != nil { return .degraded }
        if task.isClosing { return .ending }
        return task.isPaused ? .paused : .reading
    }
}
