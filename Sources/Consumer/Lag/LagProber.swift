import AWS
import Kinesis
import Logging
import Reactor
import State
import Time

/// Measures how far behind the checkpoints are of groups that nobody reads: carries out what `LagRounds` decides, with one
/// GetRecords of one record for a shard and round. Confined to its loop.
///
/// A probe takes its turn of `ReadPaces` as readers do, and room for its response only where there is some.
final class LagProber: @unchecked Sendable {
    /// How often groups with readers are noted as used, also where nothing comes for them: after a crash they are told of.
    private static let useInterval: Duration = .seconds(3600)

    private let context: EngineContext
    /// Which holds this until it is stopped.
    private let registry: ConsumerRegistry
    private let logger: Logger
    private let news: Wakeup
    private let probe: ShardProbe
    private var rounds = LagRounds()
    private var task: Task<Void, Never>?
    private var probes: [UInt64: Task<Void, Never>] = [:]
    private var lastProbe: UInt64 = 0
    private var hasLoaded = false
    private var usedNoted: EventLoop.Instant?
    /// Of the stream that was looked at last.
    private var listing: (stream: StreamName, shards: [Shard])?

    init(of registry: ConsumerRegistry, _ context: EngineContext, _ logger: Logger) {
        self.registry = registry
        self.context = context
        self.logger = logger
        news = Wakeup(loop: context.loop)
        probe = ShardProbe(context, logger)
    }

    func start() {
        task = context.loop.spawn { [self] in await run() }
    }

    func stop() {
        task?.cancel()
        for probe in probes.values { probe.cancel() }
        news.signal()
    }

    /// Something of the group has changed: it is probed soon.
    func hurry(_ key: ConsumerKey) {
        rounds.hurry(key)
        news.signal()
    }

    private func run() async {
        while !Task.isCancelled {
            switch rounds.next(now: context.loop.now) {
            case .wait(let deadline): await news.wait(until: deadline)
            case .list:
                await prepareRound()
                rounds.listed(registry.groupsWithPositions)
            case .look(let stream): rounds.looked(isThere: await look(at: stream))
            case .open(let key): rounds.opened(open(key))
            case .probe(let key, let shard): begin(key, shard)
            }
        }
    }

    // MARK: Groups

    private func prepareRound() async {
        listing = nil
        registry.forgetUnusedGroups()
        do throws(StateError) {
            if !hasLoaded {
                try await registry.loadDormantGroups()
                hasLoaded = true
            }
            if usedNoted.map({ context.loop.now >= $0 + Self.useInterval }) ?? true {
                try await context.state.used(registry.readGroups)
                usedNoted = context.loop.now
            }
        } catch {
            logger.warning("groups without a reader cannot be read", metadata: ["error": "\(error)"])
        }
    }

    /// Takes in the stream's shards for a group that nobody reads: records of those that it does not know are not done
    /// either. Returns the shards to probe.
    private func open(_ key: ConsumerKey) -> [ShardID] {
        guard let lag = registry.lag(of: key) else {
            registry.positions(of: key)?.forgetTips()
            return []
        }
        if let listing, listing.stream == key.stream, registry.isAtRest(key) {
            _ = lag.positions.listed(listing.shards)
        }
        return lag.unmeasured
    }

    // MARK: Streams

    /// Returns whether the stream is there.
    private func look(at stream: StreamName) async -> Bool {
        do throws(AWSError) {
            switch registry.streams.standing(of: stream, now: context.loop.now) {
            case .there: break
            case .missing: return false
            case .unknown:
                let summary = try await context.source.summary(of: stream, retry: nil)
                registry.streams.saw(summary, of: stream, now: context.loop.now)
            }
            listing = (stream, try await context.source.shards(of: stream, retry: nil))
            return true
        } catch {
            if error.disposition == .notFound { registry.missed(stream) }
            logger.debug(
                "a stream's groups cannot be looked at", metadata: ["stream": "\(stream)", "error": "\(error)"])
            return false
        }
    }

    // MARK: Shards

    private func begin(_ key: ConsumerKey, _ shard: ShardID) {
        lastProbe += 1
        let id = lastProbe
        probes[id] = context.loop.spawn { [self] in
            await probe(key, shard)
            probes[id] = nil
            rounds.probed()
            news.signal()
        }
    }

    private func probe(_ key: ConsumerKey, _ shard: ShardID) async {
        guard let lag = registry.lag(of: key), let position = lag.probePosition(of: shard) else { return }
        let initial = lag.positions.book.start(of: shard)
        var tip: ShardTip?
        do throws(AWSError) {
            let iterator = try await iterator(of: shard, in: key.stream, at: position.start, otherwise: initial)
            tip = try await self.probe.ask(iterator, of: shard, in: key.stream)
        } catch {
            logger.debug(
                "a checkpoint cannot be probed",
                metadata: [
                    "stream": "\(key.stream)", "consumerGroup": "\(key.group)", "shard": "\(shard)",
                    "error": "\(error)",
                ])
        }
        lag.positions.probed(shard, tip, at: position)
    }

    /// Where the service refuses the checkpoint, because it was trimmed, reading would go on at the initial position.
    private func iterator(
        of shard: ShardID, in stream: StreamName, at position: StartingPosition, otherwise initial: StartingPosition
    ) async throws(AWSError) -> ShardIterator {
        do throws(AWSError) {
            return try await context.source.iterator(of: shard, in: stream, at: position)
        } catch {
            guard error.disposition == .invalidArgument, initial != position else { throw error }
            return try await context.source.iterator(of: shard, in: stream, at: initial)
        }
    }
}
