import Kinesis
import Logging
import Reactor
import S3
import State

/// The consumers of this process: one per stream and group. Confined to its loop.
package final class ConsumerRegistry: @unchecked Sendable {
    /// Consumers without a reader that only requests have started; beyond it the one that has been there longest is
    /// forgotten. Its positions are stored, so nothing is lost but iterators.
    /// One that somebody has started, or stopped after it was used here, does not count, and stays until the sidecar ends.
    package static let mostIdleConsumers = 256
    /// Consumers that were stopped before anybody has used them here: a request can name any. Beyond it the one that was
    /// named longest ago is forgotten, and its stop with it.
    package static let mostUnusedStops = 256

    let settings: EngineSettings
    let context: EngineContext
    let logger: Logger
    private(set) var consumers: [ConsumerKey: Consumer] = [:]
    var identities: StreamIdentities
    var dormant = DormantGroups()
    /// Of the streams of groups that nobody reads.
    var streams = StreamRetentions()
    /// nil until `measureLag`.
    var prober: LagProber?
    /// In the order in which they were made.
    private var order: [ConsumerKey] = []
    /// Consumers of one reader each, who only watches.
    private var tails: [ObjectIdentifier: Consumer] = [:]
    private var pressure: TimerToken?
    /// Since when some reader has got nothing because others hold all the room.
    private var starvingSince: EventLoop.Instant?
    private var phase = Phase.running

    package init(
        loop: EventLoop, source: any StreamSource, state: StateStore, group: GroupContext? = nil,
        items: ItemStore? = nil, settings: EngineSettings, logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        identities = StreamIdentities(account: settings.account)
        let budget = SharedBudget(limit: settings.maxBufferedBytes)
        context = EngineContext(
            loop: loop, source: source, state: state, budget: budget, times: settings.times, host: settings.host,
            group: group, items: items.map { ItemReading($0, in: budget, limit: settings.maxBufferedBytes) })
        context.budget.onWait = { [weak self] in self?.relieveLater() }
        watchState()
    }

    // MARK: Starting and attaching

    /// Starts a consumer that configuration lists, in the background: its LATEST positions are fixed as soon as the
    /// service answers, and its options are kept as long as the process lives. A second start of the same consumer does
    /// nothing.
    package func start(_ stream: StreamName, _ options: NamedOptions) {
        context.loop.preconditionOnLoop()
        switch identities.identity(of: stream) {
        case .known(let stream): startConfigured(stream, options)
        case .unknown: context.loop.spawn { await self.startOnceIdentified(stream, options) }
        }
    }

    func startConfigured(_ stream: StreamName, _ options: NamedOptions) {
        let options = options.applied(to: settings.defaults)
        let key = ConsumerKey(stream: stream, group: options.consumerGroup)
        guard !isEnding, consumers[key] == nil else { return }
        make(key, options, isConfigured: true).startInBackground()
    }

    /// Starts a consumer, also one that was stopped, and returns once its positions are fixed and stored. It takes these
    /// options over, where configuration does not list it and it has no reader; else they must be those in force.
    package func start(_ stream: StreamName, naming named: NamedOptions) async throws(ConsumerError) -> ConsumerSnapshot
    {
        context.loop.preconditionOnLoop()
        let (consumer, options) = try consumer(stream, named)
        do throws(ConsumerError) {
            try await consumer.start(options: options)
        } catch {
            forgetFailed(consumer)
            throw error
        }
        return await consumer.snapshot(SlicedWalk(context.loop))
    }

    /// Stops a consumer: its readers end in order, its positions stay, and no reader is attached until somebody starts
    /// it, also where none has been here. Returns when the readers have gone, or at the deadline.
    /// - Parameter group: nil means the group that a request without one belongs to.
    package func stop(
        _ stream: StreamName, group: String?, deadline: ContinuousClock.Instant
    ) async -> ConsumerSnapshot {
        context.loop.preconditionOnLoop()
        let key = key(stream, group)
        var options = settings.defaults
        options.consumerGroup = key.group
        let consumer = consumers[key] ?? make(key, options, isConfigured: false)
        await consumer.stop(deadline: deadline)
        forgetUnusedStops()
        await context.state.flush()
        return await consumer.snapshot(SlicedWalk(context.loop))
    }

    /// The group that a request without one belongs to.
    package var defaultGroup: String { settings.defaults.consumerGroup }

    /// Makes a reader of the consumer that stream and group name; starts the consumer where nobody has. Positions
    /// are fixed and stored when this returns: what is put from now on reaches the reader.
    /// - Parameters:
    ///   - format: as what its events' records are written.
    ///   - lastEvent: the Last-Event-ID with which the reader's client comes back, if it does.
    ///   - patience: how long it waits for the positions; nil: as long as that takes. They are fixed all the same, for
    ///     whoever comes next.
    package func attach(
        _ stream: StreamName, _ named: NamedOptions, format: RecordFormat = .json, lastEvent: String? = nil,
        patience: Duration? = nil
    ) async throws(ConsumerError) -> RecordsReader {
        context.loop.preconditionOnLoop()
        let (consumer, options) = try consumer(stream, named)
        consumer.admit(options)
        do throws(ConsumerError) {
            return try await consumer.attach(
                .random(), format: format, lastEvent: lastEvent, until: deadline(patience))
        } catch {
            forgetFailed(consumer)
            throw error
        }
    }

    /// Makes a reader that only watches the stream: it joins no group and keeps nothing. Its records begin at
    /// `initialPositionInStream`. A missing stream is created where it would be for a reader of a group.
    /// - Parameters:
    ///   - format: as of `attach`.
    ///   - patience: as of `attach`.
    package func watch(
        _ stream: StreamName, _ named: NamedOptions, format: RecordFormat = .json, lastEvent: String? = nil,
        patience: Duration? = nil
    ) async throws(ConsumerError) -> RecordsReader {
        context.loop.preconditionOnLoop()
        guard !isEnding else { throw .shuttingDown }
        let tail = newTail(stream, named)
        do throws(ConsumerError) {
            return try await tail.attach(
                .random(), format: format, lastEvent: lastEvent, until: deadline(patience))
        } catch {
            tails[ObjectIdentifier(tail)] = nil
            // Nobody else will want what it still prepares.
            tail.end()
            throw error
        }
    }

    private func deadline(_ patience: Duration?) -> EventLoop.Instant? {
        patience.map { context.loop.now + $0 }
    }

    /// Apart from `watch`: a connection's task keeps the memory of its deepest frames.
    @inline(never)
    private func newTail(_ stream: StreamName, _ named: NamedOptions) -> Consumer {
        let tail = Consumer(
            ConsumerKey(stream: stream, group: ""), options: named.applied(to: settings.defaults.forTail),
            isTail: true, mayCreateStream: settings.createsUnlistedStreams, context: context, logger: logger)
        let id = ObjectIdentifier(tail)
        tails[id] = tail
        tail.onIdle = { [weak self] in self?.tails[id] = nil }
        tail.admit(tail.options)
        return tail
    }

    // MARK: Checkpoints

    /// Moves checkpoints of the consumer as a client says; see `Consumer.acknowledge`.
    /// - Parameter group: nil means the group that a request without one belongs to.
    package func acknowledge(
        _ stream: StreamName, group: String?, _ acknowledgement: Acknowledgement, isForced: Bool
    ) async throws(ConsumerError) -> [StoredCheckpoint] {
        context.loop.preconditionOnLoop()
        guard let consumer = held(stream, group) else { throw .shardsNotHeld }
        defer { if consumer.session == nil { prober?.hurry(consumer.key) } }
        return try await consumer.acknowledge(acknowledgement, isForced: isForced)
    }

    /// A record processor has done with a shard's end; see `Consumer.confirmEnd`.
    package func confirmEnd(of shard: ShardID, _ stream: StreamName, group: String?) async throws(ConsumerError) -> Bool
    {
        context.loop.preconditionOnLoop()
        guard let consumer = held(stream, group) else { throw .shardsNotHeld }
        return try await consumer.confirmEnd(of: shard)
    }

    /// Lets a shard that pauses go on. Returns which one it is, nil when none pauses there.
    package func goOn(_ stream: StreamName, group: String?, _ continuation: Continuation) throws(ConsumerError)
        -> ShardID?
    {
        context.loop.preconditionOnLoop()
        guard let consumer = held(stream, group) else { throw .shardsNotHeld }
        return try consumer.goOn(continuation)
    }

    func held(_ stream: StreamName, _ group: String?) -> Consumer? {
        consumers[key(stream, group)]
    }

    func key(_ stream: StreamName, _ group: String?) -> ConsumerKey {
        ConsumerKey(stream: stream, group: group ?? defaultGroup)
    }

    // MARK: The service

    /// The service can be reached again: shards that wait because it could not are read soon.
    package func serviceReturned() {
        context.loop.preconditionOnLoop()
        for consumer in Array(consumers.values) + Array(tails.values) { consumer.serviceReturned() }
    }

    // MARK: Memory

    /// How long somebody waits for room before what stalled readers hold is given up.
    private static let patienceWithStalled: Duration = .seconds(1)

    private func relieveLater() {
        guard pressure == nil else { return }
        pressure = context.loop.schedule(after: Self.patienceWithStalled) { [weak self] in self?.relieve() }
    }

    /// Somebody has waited for room: what is held for readers that take nothing is let go.
    private func relieve() {
        pressure = nil
        guard context.budget.waiting > 0 else {
            starvingSince = nil
            return
        }
        let sessions = (Array(consumers.values) + Array(tails.values)).compactMap(\.session)
        for session in sessions { session.evictHeld(since: context.loop.now - Self.patienceWithStalled) }
        endStarving(sessions)
        if context.budget.waiting > 0 { relieveLater() }
    }

    /// What lies in a socket cannot be given up: where somebody has got nothing for long because of it, the reader that
    /// takes nothing and holds the most is cut.
    private func endStarving(_ sessions: [ReadingSession]) {
        let now = context.loop.now
        guard sessions.contains(where: \.isStarving) else {
            starvingSince = nil
            return
        }
        let since = starvingSince ?? now
        starvingSince = since
        guard now - since >= settings.times.starving else { return }
        let holders = sessions.compactMap { $0.heaviest(since: now - settings.times.starving) }
        guard let reader = holders.max(by: { $0.bytes < $1.bytes })?.reader else { return }
        logger.warning(
            "a reader that takes nothing is cut, because others get no room",
            metadata: ["reader": "\(reader.id)", "stream": "\(reader.stream)"])
        reader.cut()
    }

    // MARK: Making and forgetting

    /// The consumer that stream and options name, made where there is none, and the options that hold for it then.
    private func consumer(_ stream: StreamName, _ named: NamedOptions) throws(ConsumerError)
        -> (Consumer, ConsumerOptions)
    {
        guard !isEnding else { throw .shuttingDown }
        let options = named.applied(to: settings.defaults)
        let key = ConsumerKey(stream: stream, group: options.consumerGroup)
        guard let held = consumers[key] else {
            forgetIdle()
            return (make(key, options, isConfigured: false), options)
        }
        // What a request does not name stays as it is: the reader that comes after a start, or after another reader, need
        // not know how it was begun.
        guard held.isConfigured || held.isInUse else { return (held, named.applied(to: held.options)) }
        if let conflict = named.conflict(with: held.options) { throw .conflictingOption(conflict) }
        return (held, held.options)
    }

    private func make(_ key: ConsumerKey, _ options: ConsumerOptions, isConfigured: Bool) -> Consumer {
        let consumer = Consumer(
            key, options: options, isConfigured: isConfigured, rememberedPositions: dormant.take(key)?.positions,
            mayCreateStream: isConfigured || settings.createsUnlistedStreams, context: context, logger: logger)
        consumer.onIdle = { [weak self] in self?.prober?.hurry(key) }
        consumer.onFailedAttempt = { [weak self, unowned consumer] in self?.forgetFailed(consumer) }
        consumers[key] = consumer
        order.append(key)
        return consumer
    }

    private func forgetIdle() {
        let idle = order.filter { consumers[$0]?.isForgettable ?? true }
        for key in idle.dropLast(Self.mostIdleConsumers - 1) { forget(key) }
    }

    private func forgetUnusedStops() {
        let unused = order.filter { consumers[$0]?.isStoppedUnused ?? false }
        for key in unused.dropLast(Self.mostUnusedStops) { forget(key) }
    }

    /// Forgets a consumer that could not be prepared, unless somebody else uses it or another one has its place.
    private func forgetFailed(_ consumer: Consumer) {
        guard consumers[consumer.key] === consumer, !consumer.isPrepared, consumer.isForgettable else { return }
        forget(consumer.key)
    }

    private func forget(_ key: ConsumerKey) {
        if let consumer = remove(key) { becomesDormant(consumer) }
    }

    func remove(_ key: ConsumerKey) -> Consumer? {
        order.removeAll { $0 == key }
        return consumers.removeValue(forKey: key)
    }

    // MARK: Looking at them

    /// The consumers of a stream, or all, and the groups of which only positions are known, by stream and group; in slices,
    /// so that no number of shards holds the loop.
    package func snapshots(of stream: StreamName? = nil) async -> [ConsumerSnapshot] {
        let walk = SlicedWalk(context.loop)
        var snapshots: [ConsumerSnapshot] = []
        for key in keys where stream == nil || key.stream == stream {
            // It may be gone since.
            if let snapshot = await snapshot(key, walk) { snapshots.append(snapshot) }
            await walk.step()
        }
        return snapshots
    }

    /// The consumers that do not get on as a whole, or of which a shard does not, by stream and group, and why.
    package var problems: [(stream: StreamName, group: String, problem: String)] {
        consumers.values.sorted { $0.key < $1.key }.compactMap { consumer in
            (consumer.problem ?? consumer.session?.degradation).map { (consumer.key.stream, consumer.key.group, $0) }
        }
    }

    private var keys: [ConsumerKey] { (Array(consumers.keys) + dormant.groups.keys).sorted() }

    /// All of them in one turn, for tests, whose streams have few shards.
    package var snapshots: [ConsumerSnapshot] { keys.compactMap(snapshot) }

    /// Readers that only watch.
    package var tailCount: Int { tails.count }

    /// Bytes of answers and events that are held now; at most about `maxBufferedBytes`.
    package var bufferedBytes: Int { context.budget.used }

    package var maxBufferedBytes: Int { context.budget.limit }

    // MARK: Ending

    private enum Phase {
        case running
        /// What ends it, and by when.
        case ending(Task<Void, Never>, deadline: ContinuousClock.Instant)
        /// Nobody reads, and no group is left that has a member here.
        case ended
    }

    /// Whether no reader is attached any more.
    var isEnding: Bool { if case .running = phase { false } else { true } }

    /// What is left of readers and of consumers that have not ended.
    package struct Remains: Equatable, Sendable {
        package let readers: Int
        /// Whose readers have not gone, or whose shards have not been handed over.
        package let consumers: Int

        package var isEmpty: Bool { self == Remains(readers: 0, consumers: 0) }
    }

    package var remains: Remains {
        let all = Array(consumers.values) + Array(tails.values)
        let isOver = if case .ended = phase { true } else { false }
        return Remains(
            readers: all.reduce(0) { $0 + ($1.session?.readers.count ?? 0) },
            consumers: all.count { !isOver || $0.session != nil })
    }

    /// How long the end waits for acknowledgements, once the readers have gone.
    private static let patienceAtTheEnd: Duration = .seconds(5)

    /// Ends every reader (`next` gives nil), waits until `deadline` for what they still settle and, for a moment, for what
    /// their clients acknowledge, commits the last checkpoints, and hands the shards over to other members of the groups. No
    /// reader is attached from here on. Who calls it again waits for the same end, by whichever deadline is nearer.
    package func shutDown(deadline: ContinuousClock.Instant) async {
        switch phase {
        case .running:
            stopMeasuring()
            let task = context.loop.spawn { await self.end() }
            phase = .ending(task, deadline: deadline)
            await task.value
        case .ending(let task, let earlier):
            phase = .ending(task, deadline: min(earlier, deadline))
            await task.value
        case .ended:
            // Acknowledgements are taken behind it.
            await context.state.flush()
        }
    }

    private var deadline: ContinuousClock.Instant {
        if case .ending(_, let deadline) = phase { deadline } else { context.loop.now }
    }

    private func end() async {
        let all = Array(consumers.values) + Array(tails.values)
        // Where the readers have gone already, as in a pod whose application ends before its sidecar, nobody acknowledges.
        let read = all.filter { $0.session != nil }
        for consumer in all { consumer.end() }
        await wait { all.allSatisfy(\.isSettled) }
        let patience = context.loop.now + Self.patienceAtTheEnd
        await wait { read.allSatisfy(\.isAcknowledged) || self.context.loop.now >= patience }
        // What they have not taken by now is for others.
        let stalled = all.compactMap(\.session).flatMap { Array($0.readers.values) }.filter { !$0.isSettled }
        for reader in stalled { reader.cut() }
        for consumer in consumers.values { consumer.provideForLosses() }
        await context.state.flush()
        await withTaskGroup(of: Void.self) { group in
            for keeper in consumers.values.compactMap(\.group) {
                group.addTask { [deadline] in await keeper.leave(deadline: deadline) }
            }
        }
        phase = .ended
    }

    /// Until it is over, or the deadline.
    private func wait(_ isOver: () -> Bool) async {
        while !isOver(), context.loop.now < deadline {
            // A reader settles or goes within one write of its connection; looking is cheaper than telling.
            try? await context.loop.sleep(until: min(deadline, context.loop.now + .milliseconds(10)))
        }
    }
}

/// What configuration decides for all consumers of the process.
package struct EngineSettings: Sendable {
    /// Options that hold where a consumer's own entry or request names no other.
    package var defaults = ConsumerOptions()
    /// Bytes of answers and events that the process holds at most. 1 MiB or more; design section 6.
    package var maxBufferedBytes = 64 << 20
    package var times = ShardTimes()
    /// What this machine is called: part of the name of a consumer that is registered for enhanced fan-out.
    package var host = ""
    /// The region in which streams are asked for, which an ARN must name; nil: any.
    package var region: String?
    /// The account of the credentials, where that is known from the start.
    package var account: String?
    /// Whether a stream that only a URL names may be created: `--local`, or where configuration says so.
    package var createsUnlistedStreams = false

    package init() {}
}
