import Kinesis
import Reactor
import State
import Time

extension Consumer {
    /// All of it at this moment, in one turn.
    var snapshot: ConsumerSnapshot {
        guard let positions = knownPositions else { return snapshot(with: []) }
        return snapshot(with: positions.book.shards.map { snapshot(of: $0, positions) })
    }

    /// The same in slices: each shard as it stands when its slice comes.
    func snapshot(_ walk: SlicedWalk) async -> ConsumerSnapshot {
        guard let positions = knownPositions else { return snapshot(with: []) }
        var shards: [ShardSnapshot] = []
        for shard in positions.book.shards {
            shards.append(snapshot(of: shard, positions))
            await walk.step()
        }
        return snapshot(with: shards)
    }

    /// What keeps the consumer as a whole from getting on.
    var problem: String? { lifecycle.problem?.description ?? session?.problem ?? group?.trouble ?? scope.care.problem }

    /// Where its checkpoints can be stored.
    var storage: CheckpointStorage {
        CheckpointStorage(scope.engine.state.health, isShared: group != nil, item: group?.obstacle)
    }

    private func snapshot(with shards: [ShardSnapshot]) -> ConsumerSnapshot {
        var snapshot = ConsumerSnapshot(
            id: id, startedOn: startedOn, stream: key.stream, group: key.group, phase: phase, holdsShards: holdsShards,
            isConfigured: isConfigured, readerIDs: session?.assignments.readers.map(\.text) ?? [],
            options: options.named, shards: shards, problem: problem, storage: storage)
        snapshot.membership = group?.snapshot
        snapshot.fanOut = fanOut
        snapshot.totals = scope.counters.totals
        return snapshot
    }

    private var phase: ConsumerSnapshot.Phase {
        switch lifecycle.state {
        case .stopped: .stopped
        case .stopping: .stopping
        case .reading, .ended(_?, _): .reading
        case .idle, .preparing, .holding, .ended(nil, _): isPrepared ? .idle : .starting
        }
    }

    private func snapshot(of shard: ShardState, _ positions: Positions) -> ShardSnapshot {
        let task = session?.task(of: shard.id)
        let lag = GroupLag(positions: positions, session: session)
        return ShardSnapshot(
            id: shard.id, parents: shard.parents, phase: phase(of: shard, task, positions.book),
            readerID: session?.assignments.owner(of: shard.id)?.text,
            checkpoint: shard.checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber },
            checkpointArrival: shard.checkpoint?.arrival,
            millisBehindLatest: task?.lag(now: scope.engine.loop.now), backlog: lag.backlog(of: shard, now: .now()),
            bufferedBytes: task?.bufferedBytes ?? 0,
            problem: task.flatMap { $0.lastError ?? $0.reader.problems[shard.id] }, counters: scope.counters[shard.id])
    }

    private func phase(of shard: ShardState, _ task: ShardTask?, _ book: ShardBook) -> ShardSnapshot.Phase {
        if shard.isDepleted { return .depleted }
        guard book.isWanted(shard.id) else { return .idle }
        if book.lineage.isDepleted(shard.id) { return .depleted }
        guard session != nil else { return .idle }
        guard let task else { return .waiting }
        if task.lastError != nil { return .degraded }
        if task.isClosing { return .ending }
        return task.isPaused ? .paused : .reading
    }
}
