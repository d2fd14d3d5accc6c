import AWS
import Kinesis
import Logging
import Reactor
import State

/// As which registered consumer one group's shards of a stream are subscribed to here. Confined to its loop.
///
/// Members of a group share a pool of consumers, of which each has one (`ConsumerPool`). Without a group's table this process
/// has one of its own, whose name is always the same.
final class FanOut: @unchecked Sendable {
    /// How long whoever waits for a consumer to be active does so.
    static let patience: Duration = .seconds(20)

    private(set) var state = FanOutState()
    /// Called when the shards are to be read in another way than before.
    var onChange: (() -> Void)?
    /// Called with the consumer that the service does not have any more; nil: this process registers it anew.
    var onGone: ((ConsumerARN) -> Void)?
    private let key: ConsumerKey
    private let context: EngineContext
    private let logger: Logger
    private var stream: StreamSummary?
    private var check: Task<Void, Never>?

    init(_ key: ConsumerKey, in context: EngineContext, logger: Logger) {
        self.key = key
        self.context = context
        self.logger = logger
    }

    var way: ReadingWay { state.way }

    /// Finds out how the stream is read from now on. Without a group it registers the consumer where it is missing.
    func prepare(_ stream: StreamSummary, _ options: ConsumerOptions, retry: Retrying?) async throws(ConsumerError) {
        self.stream = stream
        guard options.useEnhancedFanOut else { return use(.polling(insteadOf: nil)) }
        // What is pushed does not wait.
        guard !options.usePausedPolling else { throw .pausesWithFanOut }
        guard onGone == nil else { return }
        do throws(Registration.Failure) {
            let registration = Registration(patience: Self.patience, now: context.loop.now)
            let consumer = try await RegisteredConsumer(
                registration, .name(ConsumerName.own(key.group, host: context.host), streamARN: stream.arn),
                of: key.stream, in: context, retry: retry)
            use(.fanOut(consumer.arn))
        } catch {
            if error == .cancelled { throw .cancelled }
            guard error.isLasting else { throw .fanOut(key.stream, "\(error)") }
            guard options.enhancedFanOutFallback else {
                throw .fanOut(key.stream, "\(error); enhancedFanOutFallback: true polls where that is so")
            }
            use(.polling(insteadOf: "\(error)"))
        }
    }

    /// The shards are read in this way from here on; nil: for the moment not at all.
    func use(_ way: ReadingWay?) {
        guard let way, state.use(way, now: context.loop.now) else { return }
        changed()
    }

    /// The service allows no subscription: a right, or a key, is missing.
    func denied(_ reason: String, _ options: ConsumerOptions) {
        guard options.enhancedFanOutFallback, state.denied(reason, now: context.loop.now) else { return }
        changed()
    }

    private func changed() {
        switch way {
        case .fanOut(let consumer):
            logger.info("the shards are subscribed to", metadata: ["consumerArn": "\(consumer)"])
        case .polling(insteadOf: let reason?):
            logger.warning(
                "enhanced fan-out cannot be had; the shards are polled instead", metadata: ["error": "\(reason)"])
        case .polling(insteadOf: nil): break
        }
        onChange?()
    }

    /// Where the shards are polled instead: maybe a consumer can be had, or used, by now. Whether one can be had a group's
    /// pool finds out by itself.
    /// - Parameter shard: any that is read.
    func tryAgain(_ options: ConsumerOptions, on shard: ShardID?) {
        guard check == nil, let attempt = state.beginTry(now: context.loop.now) else { return }
        switch attempt {
        case .use(let consumer):
            guard let shard else { return use(.fanOut(consumer)) }
            check = context.loop.spawn { [self] in
                defer { check = nil }
                guard await maySubscribe(to: shard, as: consumer), state.denied == consumer else { return }
                use(.fanOut(consumer))
            }
        case .obtain where onGone == nil:
            check = context.loop.spawn { [self] in
                defer { check = nil }
                await prepareAnew(options)
            }
        case .obtain: break
        }
    }

    /// The service does not find what a subscription names: maybe somebody has deregistered the consumer.
    func doubt(_ options: ConsumerOptions) {
        guard check == nil, let arn = state.beginCheck(now: context.loop.now) else { return }
        check = context.loop.spawn { [self] in
            defer { check = nil }
            guard await isGone(arn) else { return }
            logger.error(
                "the consumer for enhanced fan-out is not registered any more", metadata: ["consumerArn": "\(arn)"])
            if let onGone { return onGone(arn) }
            await prepareAnew(options)
        }
    }

    private func prepareAnew(_ options: ConsumerOptions) async {
        do {
            let stream = try await context.source.summary(of: key.stream, retry: nil)
            try await prepare(stream, options, retry: nil)
        } catch {
            state.couldNotObtain("\(error)")
            logger.warning("the consumer cannot be registered yet", metadata: ["error": "\(error)"])
        }
    }

    /// Asks with a subscription that nobody reads: were the shards to try, each would begin anew twice, and so would the record
    /// processors of each.
    private func maySubscribe(to shard: ShardID, as consumer: ConsumerARN) async -> Bool {
        context.paces.paces.subscriptions.called(SubscriptionPaces.Key(consumer, shard), now: context.loop.now)
        do throws(AWSError) {
            let subscription = try await context.source.subscribe(to: shard, of: key.stream, as: consumer, at: .latest)
            return await bringsAnything(subscription)
        } catch {
            return false
        }
    }

    /// Some denials, as of a key, come once the subscription has begun, in the place of its first event.
    private func bringsAnything(_ subscription: any ShardSubscription) async -> Bool {
        let (news, end) = (Gate(loop: context.loop), context.loop.now + Self.patience)
        subscription.onArrival = { news.open() }
        while context.loop.now < end {
            switch subscription.next() {
            case .nothing: try? await news.wait(until: end)
            case .arriving: subscription.permit()
            case .other: break
            case .event: return true
            case .end, .failed: return false
            }
        }
        return false
    }

    private func isGone(_ arn: ConsumerARN) async -> Bool {
        do throws(AWSError) {
            let found = try await context.source.call(DescribeStreamConsumer(.arn(arn)), of: key.stream, retry: nil)
            return found.status == .deleting
        } catch {
            return error.disposition == .notFound
        }
    }

    /// Does what a pool asks for.
    func perform(_ errand: ConsumerPool.Errand) async -> ConsumerPool.Outcome {
        guard let stream else { return .failed(reason: "the stream was not seen yet", isLasting: false) }
        do throws(Registration.Failure) {
            switch errand {
            case .obtain(let name, let prefix, let known):
                if let lost = try await consumers(of: stream, prefix, besides: known).first { return .there(lost) }
                logger.notice("registering a consumer for enhanced fan-out", metadata: ["consumerName": "\(name)"])
                let registration = Registration(untilActive: false, patience: Self.patience, now: context.loop.now)
                return .there(
                    try await RegisteredConsumer(
                        registration, .name(name, streamARN: stream.arn), of: key.stream, in: context, retry: nil))
            case .check(let arn):
                let registration = Registration(patience: Self.patience, now: context.loop.now)
                return .there(
                    try await RegisteredConsumer(registration, .arn(arn), of: key.stream, in: context, retry: nil))
            case .deregister(let arn):
                logger.notice("deregistering a consumer that nobody has used", metadata: ["consumerArn": "\(arn)"])
                do throws(AWSError) {
                    try await context.source.call(DeregisterStreamConsumer(arn), of: key.stream, retry: nil)
                } catch {
                    if error.disposition != .notFound { throw Registration.Failure.service(error) }
                }
                return .gone
            }
        } catch {
            if error == .missing { return .gone }
            return .failed(reason: error.description, isLasting: error.isLasting)
        }
    }

    /// Those that are registered for the stream under names that begin so, but for these.
    private func consumers(of stream: StreamSummary, _ prefix: String, besides known: Set<String>)
        async throws(Registration.Failure) -> [RegisteredConsumer]
    {
        var found: [RegisteredConsumer] = []
        var next: String?
        do throws(AWSError) {
            for _ in 0..<ListStreamConsumers.mostPages {
                let page = try await context.source.call(
                    ListStreamConsumers(streamARN: stream.arn, nextToken: next), of: key.stream, retry: nil)
                found += page.consumers
                next = page.nextToken
                if next == nil { break }
            }
        } catch {
            throw .service(error)
        }
        return found.filter { $0.name.hasPrefix(prefix) && !known.contains($0.name) && $0.status != .deleting }
            .sorted { $0.name < $1.name }
    }
}
