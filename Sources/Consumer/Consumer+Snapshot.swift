import Kinesis
import State
import Time

extension Consumer {
    var snapshot: ConsumerSnapshot {
        return ConsumerSnapshot(
            id: id, startedOn: startedOn, stream: key.stream, group: key.group, phase: phase, holdsShards: holdsShards,
            isConfigured: isConfigured, readerIDs: session?.assignments.readers.map(\.text) ?? [],
            options: options.named, shards: knownPositions.map(shards) ?? [],
            problem: lifecycle.problem?.description ?? session?.problem)
    }

    private var phase: ConsumerSnapshot.Phase {
        switch lifecycle.state {
        case .stopped: .stopped
        case .stopping: .stopping
        case .reading, .ended(_?, _): .reading
        case .idle, .preparing, .holding, .ended(nil, _): isPrepared ? .idle : .starting
        }
    }

    private func shards(of positions: Positions) -> [ShardSnapshot] {
        let (book, lag, now) = (positions.book, GroupLag(positions: positions, session: session), WallTime.now())
        return book.shards.map { shard in
            let task = session?.task(of: shard.id)
            return ShardSnapshot(
                id: shard.id, parents: shard.parents, phase: phase(of: shard, task, book),
                readerID: session?.assignments.owner(of: shard.id)?.text,
                checkpoint: shard.checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber },
                checkpointArrival: shard.checkpoint?.arrival,
                millisBehindLatest: task?.lag(now: scope.engine.loop.now),
                backlog: lag.backlog(of: shard, now: now), bufferedBytes: task?.bufferedBytes ?? 0,
                problem: task?.lastError, counters: scope.counters[shard.id])
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
