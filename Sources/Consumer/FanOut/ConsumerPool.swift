import Kinesis
import State
import Time

/// Decides as which of the group's registered consumers this member subscribes. Performs no I/O.
///
///     none ──lock, or register and add──▸ locked ──check: the service has it──▸ usable ──release──▸ none
///                                           └──── it does not ──▸ removed from the item ──▸ none
///
/// The item says who has which consumer; here stands only what it cannot say: which of them the service was seen to have.
/// Consumers cost money, so that one is registered only where none is free, and who registers looks first for one that the
/// group has lost: its name says of which group it is. Members that register at the same time may make more than there
/// should be: the last ones by name are deregistered. Facts in: the item, what came of errands. Out: writes, and one errand
/// at a time for the service.
struct ConsumerPool: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Settings: Equatable, Sendable {
        /// Consumers that the group registers at most.
        let most: Int
        /// How long one may be unused before it is deregistered, but for the last one; nil: for ever.
        let idleTimeout: Duration?
        /// Whether shards are polled where no consumer can be registered.
        let hasFallback: Bool

        init(_ options: ConsumerOptions) {
            most = options.maxEnhancedConsumers
            idleTimeout = options.enhancedConsumerIdleTimeout > .zero ? options.enhancedConsumerIdleTimeout : nil
            hasFallback = options.enhancedFanOutFallback
        }
    }

    /// What is to be written.
    enum Action: Equatable, Sendable {
        /// One that this member has registered, and has from here on.
        case add(RegisteredConsumer)
        case lock(EnhancedConsumer)
        /// Nobody has it from here on: its member is gone, or needs it no more.
        case release(EnhancedConsumer)
        /// The service does not have it any more.
        case remove(EnhancedConsumer)
    }

    /// What is to be asked of the service.
    enum Errand: Equatable, Sendable {
        /// One whose name begins so and that is none of these; if there is none, a new one of that name.
        case obtain(name: String, prefix: String, besides: Set<String>)
        /// Whether it has the consumer, once that is active.
        case check(ConsumerARN)
        case deregister(ConsumerARN)
    }

    enum Outcome: Equatable, Sendable {
        /// It is registered; of one that was checked: and active.
        case there(RegisteredConsumer)
        case gone
        /// `isLasting`: only people can mend it.
        case failed(reason: String, isLasting: Bool)
    }

    /// From a failure to the next errand.
    static let pause: Duration = .seconds(5)
    static let lastingPause: Duration = .seconds(60)

    private let me: MemberID
    private let isStandalone: Bool
    private let settings: Settings
    /// How the names of the group's consumers begin.
    private let prefix: String
    /// Whether somebody reads here.
    private var isWanted = false
    /// As the item was seen last.
    private var consumers: [EnhancedConsumer] = []
    /// The service was seen to have it, active.
    private var active: ConsumerARN?
    /// The service does not have them.
    private var gone: Set<ConsumerARN> = []
    /// Registered here, and not in the item yet.
    private var registered: RegisteredConsumer?
    /// Ours in the item, or about to be, to be deregistered: one after the other.
    private var retiring: ConsumerARN?
    /// Since when nobody was seen to have a consumer whose record does not say it.
    private var unusedSince: [ConsumerARN: WallTime] = [:]
    /// What the last errand has failed with.
    private var failure: (reason: String, isLasting: Bool, until: Instant)?

    init(_ member: GroupMember, of group: String, settings: Settings) {
        me = member.id
        isStandalone = member.isStandalone
        self.settings = settings
        prefix = ConsumerName.prefix(of: group)
    }
}

// MARK: - Queries

extension ConsumerPool {
    /// How this member reads; nil: it has no consumer, and waits for one.
    var way: ReadingWay? {
        if let own, own.arn == active { return .fanOut(own.arn) }
        if settings.hasFallback, own == nil, let failure, failure.isLasting {
            return .polling(insteadOf: failure.reason)
        }
        return nil
    }

    /// Whether more can be had without anybody else: whoever waits for that goes on waiting.
    func isBusy(now: Instant) -> Bool { isWanted && way == nil && (errand(now: now) != nil || registered != nil) }

    /// What is to be asked of the service now; nil: nothing.
    func errand(now: Instant) -> Errand? {
        if let failure, now < failure.until { return nil }
        if let retiring, mine.contains(where: { $0.arn == retiring }) { return .deregister(retiring) }
        guard isWanted else { return nil }
        if let own { return own.arn == active ? nil : .check(own.arn) }
        guard registered == nil, consumers.count < settings.most, free.isEmpty else { return nil }
        return .obtain(name: newName, prefix: prefix, besides: Set(consumers.map(\.name)))
    }

    /// Always the same until the item has it, so that one of which nothing was heard when it was registered is found again.
    private var newName: String {
        var number = 0
        while consumers.contains(where: { $0.name == ConsumerName.pooled(prefix, me, number) }) { number += 1 }
        return ConsumerName.pooled(prefix, me, number)
    }

    /// When an errand that has failed is tried again.
    var retryAt: Instant? { failure?.until }

    /// Why there is no consumer, for people; nil: there is one, or nothing has failed.
    var problem: String? { way == nil ? failure?.reason : nil }

    /// The consumers that this member has.
    private var mine: [EnhancedConsumer] { consumers.filter { $0.isUsedBy == me } }

    /// The one that it subscribes as.
    private var own: EnhancedConsumer? { mine.first { $0.arn != retiring && !gone.contains($0.arn) } }

    private var free: [EnhancedConsumer] {
        consumers.filter { $0.isUsedBy == nil && $0.isStandalone == isStandalone && !gone.contains($0.arn) }
    }
}

// MARK: - Facts

extension ConsumerPool {
    /// The item as it is now. Returns what is to be written.
    /// - Parameter isWanted: whether somebody reads here.
    mutating func looked(at item: GroupItem, isWanted: Bool, now: GroupMoment) -> [Action] {
        self.isWanted = isWanted
        consumers = item.enhancedConsumers.values.sorted { $0.name < $1.name }
        if let known = registered, consumers.contains(where: { $0.arn == known.arn }) { registered = nil }
        gone.formIntersection(consumers.map(\.arn))
        // Somebody else was faster, or it is chosen anew below.
        if let known = retiring, !mine.contains(where: { $0.arn == known }) { retiring = nil }
        var actions = consumers.filter { gone.contains($0.arn) }.map(Action.remove)
        for consumer in consumers where !gone.contains(consumer.arn) {
            guard let user = consumer.isUsedBy else { continue }
            let isNeeded =
                user == me ? isWanted && consumer == own || consumer.arn == retiring : item.members[user] != nil
            if !isNeeded { actions.append(.release(consumer)) }
        }
        if let registered {
            actions.append(.add(registered))
        } else if isWanted, own == nil, let first = free.first(where: consumers.prefix(settings.most).contains) {
            actions.append(.lock(first))
        } else if let unneeded = unneeded(now.wall), retiring == nil {
            retiring = unneeded.arn
            if unneeded.isUsedBy == nil { actions.append(.lock(unneeded)) }
        }
        return actions
    }

    /// One to be deregistered that nobody else has: of more than there should be the first, or one that is idle.
    private mutating func unneeded(_ now: WallTime) -> EnhancedConsumer? {
        let idle = idle(now)
        return consumers.dropFirst(settings.most).first { $0.isUsedBy == me || free.contains($0) } ?? idle
    }

    /// One that nobody has had for long enough, where that is not the last one.
    private mutating func idle(_ now: WallTime) -> EnhancedConsumer? {
        let free = free
        unusedSince = unusedSince.filter { known in free.contains { $0.arn == known.key } }
        for consumer in free where unusedSince[consumer.arn] == nil {
            unusedSince[consumer.arn] = consumer.releasedOn ?? now
        }
        guard let timeout = settings.idleTimeout, consumers.count > 1 else { return nil }
        return free.first { unusedSince[$0.arn].map { now.duration(since: $0) >= timeout } ?? false }
    }

    mutating func done(_ errand: Errand, _ outcome: Outcome, now: Instant) {
        switch (errand, outcome) {
        case (_, .failed(let reason, let isLasting)):
            failure = (reason, isLasting, now + (isLasting ? Self.lastingPause : Self.pause))
            return
        case (.obtain, .there(let consumer)): registered = consumer
        case (.check(let arn), .there): active = arn
        case (.check(let arn), .gone): isGone(arn)
        case (.deregister(let arn), _):
            isGone(arn)
            retiring = nil
        case (.obtain, .gone): break
        }
        failure = nil
    }

    /// The service does not have this consumer.
    mutating func isGone(_ arn: ConsumerARN) {
        guard consumers.contains(where: { $0.arn == arn }) else { return }
        gone.insert(arn)
        if active == arn { active = nil }
    }
}
