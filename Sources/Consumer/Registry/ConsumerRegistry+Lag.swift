import Kinesis
import Reactor
import State
import Time

/// Groups that nobody reads, and how far they are behind.
extension ConsumerRegistry {
    /// Begins to measure how far behind the checkpoints of groups without a reader are, also of those that an earlier process
    /// has left behind. After the consumers that configuration lists are started.
    package func measureLag() {
        guard prober == nil else { return }
        let prober = LagProber(of: self, context, logger)
        self.prober = prober
        prober.start()
    }

    func stopMeasuring() {
        prober?.stop()
        prober = nil
    }

    /// Forgets a group, in the process and in the store, so that nothing of it is told any more: whoever names it next begins
    /// anew. Returns whether anything of it was known.
    /// - Parameter group: nil means the group that a request without one belongs to.
    package func forget(_ stream: StreamName, group: String?) async throws(ConsumerError) -> Bool {
        context.loop.preconditionOnLoop()
        guard !isEnding else { throw .shuttingDown }
        let key = key(stream, group)
        if let consumer = consumers[key] {
            if consumer.isConfigured { throw .configured }
            if consumer.isInUse { throw .hasReaders }
        }
        let item = try await unusedItem(of: key)
        let consumer = remove(key)
        consumer?.abandon()
        let wasDormant = dormant.take(key) != nil
        let wasInTable = try await delete(item, of: key)
        do throws(StateError) {
            return try await context.state.forget(key) || consumer != nil || wasDormant || wasInTable
        } catch {
            throw .state(error)
        }
    }

    // MARK: Snapshots

    func snapshot(_ key: ConsumerKey) -> ConsumerSnapshot? {
        guard let consumer = consumers[key] else {
            return dormant[key].map { group in
                snapshot(key, group, group.positions.book.shards.map { group.snapshot(of: $0, now: .now()) })
            }
        }
        return snapshot(consumer.snapshot, of: consumer)
    }

    /// The same in slices.
    func snapshot(_ key: ConsumerKey, _ walk: SlicedWalk) async -> ConsumerSnapshot? {
        guard let consumer = consumers[key] else {
            guard let group = dormant[key] else { return nil }
            var shards: [ShardSnapshot] = []
            for shard in group.positions.book.shards {
                shards.append(group.snapshot(of: shard, now: .now()))
                await walk.step()
            }
            return snapshot(key, group, shards)
        }
        return snapshot(await consumer.snapshot(walk), of: consumer)
    }

    private func snapshot(_ snapshot: ConsumerSnapshot, of consumer: Consumer) -> ConsumerSnapshot {
        var snapshot = snapshot
        snapshot.isUnused =
            consumer.isStoppedUnused
            || !consumer.isConfigured && !consumer.isInUse && isUnused(consumer.key, since: consumer.lastUsed)
        return snapshot
    }

    private func snapshot(_ key: ConsumerKey, _ group: DormantGroup, _ shards: [ShardSnapshot]) -> ConsumerSnapshot {
        ConsumerSnapshot(
            id: group.id, startedOn: group.lastUsed, stream: key.stream, group: key.group, phase: .dormant,
            holdsShards: false, isConfigured: false, readerIDs: [], options: [], shards: shards, problem: nil,
            storage: storage, isUnused: isUnused(key, since: group.lastUsed))
    }

    private func isUnused(_ key: ConsumerKey, since lastUsed: WallTime) -> Bool {
        WallTime.now().duration(since: lastUsed) > streams.retention(of: key.stream) ?? StreamRetentions.usual
    }

    // MARK: What the prober asks

    /// Groups with readers.
    var readGroups: Set<ConsumerKey> { Set(consumers.values.filter { $0.session != nil }.map(\.key)) }

    /// Groups of which it is known where they stand.
    var groupsWithPositions: [LagRounds.Group] {
        let ours = consumers.values.filter { $0.knownPositions != nil }
            .map { LagRounds.Group(key: $0.key, isRead: $0.session != nil) }
        let others = dormant.groups.keys.map { LagRounds.Group(key: $0, isRead: false) }
        return (ours + others).sorted { $0.key < $1.key }
    }

    /// nil where nothing can be said: the group is gone, or its stream is another one now.
    func lag(of key: ConsumerKey) -> GroupLag? {
        guard let positions = positions(of: key) else { return nil }
        if let creation = streams.creation(of: key.stream), creation > positions.book.streamCreatedOn { return nil }
        return GroupLag(positions: positions, session: consumers[key]?.session)
    }

    /// Whether nobody reads the group, or is about to.
    func isAtRest(_ key: ConsumerKey) -> Bool { consumers[key].map { !$0.isInUse } ?? true }

    /// The stream is not there: nothing lies behind the positions of its groups.
    func missed(_ stream: StreamName) {
        streams.missed(stream, now: context.loop.now)
        for group in groupsWithPositions where group.key.stream == stream { positions(of: group.key)?.forgetTips() }
    }

    func positions(of key: ConsumerKey) -> Positions? {
        consumers[key]?.knownPositions ?? dormant[key]?.positions
    }

    // MARK: Dormant groups

    /// A consumer that the process forgets.
    func becomesDormant(_ consumer: Consumer) {
        consumer.abandon()
        guard let positions = consumer.knownPositions else { return }
        dormant.add(consumer.key, DormantGroup(id: consumer.id, positions: positions, lastUsed: consumer.lastUsed))
    }

    /// Takes in the groups that an earlier process has left behind.
    func loadDormantGroups() async throws(StateError) {
        for group in try await context.state.groups(limit: DormantGroups.mostGroups) {
            guard isUnknown(group.key), let positions = try await storedPositions(of: group.key) else { continue }
            // Those that come now were used even longer ago.
            guard dormant.hasRoom(for: positions.book.shardCount) else { return }
            positions.remember(try await context.state.unacknowledged(of: group.key))
            // Somebody may have asked for it meanwhile.
            guard isUnknown(group.key) else { continue }
            dormant.add(
                group.key, DormantGroup(id: Consumer.newID(), positions: positions, lastUsed: group.lastUsed))
        }
    }

    /// What is stored of a group; nil: nothing.
    func storedPositions(of key: ConsumerKey) async throws(StateError) -> Positions? {
        guard let state = try await context.state.load(key) else { return nil }
        return Positions(
            ShardBook(state, from: state.latestSince == nil ? .trimHorizon : .latest), of: key, in: context.state)
    }

    private func isUnknown(_ key: ConsumerKey) -> Bool { consumers[key] == nil && dormant[key] == nil }

    func forgetUnusedGroups() {
        dormant.forgetUnused(now: .now(), streams)
        streams.keep(Set(consumers.keys.map(\.stream)).union(dormant.groups.keys.map(\.stream)))
    }
}

extension DormantGroup {
    fileprivate func snapshot(of shard: ShardState, now: WallTime) -> ShardSnapshot {
        let isDepleted = shard.isDepleted || positions.book.lineage.isDepleted(shard.id)
        return ShardSnapshot(
            id: shard.id, parents: shard.parents, phase: isDepleted ? .depleted : .idle, readerID: nil,
            checkpoint: shard.checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber },
            checkpointArrival: shard.checkpoint?.arrival, millisBehindLatest: nil,
            backlog: GroupLag(positions: positions, session: nil).backlog(of: shard, now: now), bufferedBytes: 0,
            problem: nil, counters: ShardCounters())
    }
}
