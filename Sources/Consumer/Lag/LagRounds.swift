import Kinesis
import State

/// Decides which shard's checkpoint is probed next, of those that nobody reads. Performs no I/O.
///
///     list ──▸ (look at a stream ──▸ (open a group ──▸ probe its shards)…)… ──▸ wait for the next round
///
/// A round goes over all groups once, and one begins every `period`. Its steps are spread over the period by their number in
/// the last round; no two follow each other within `leastGap`, and at most `mostInFlight` probes are on their way. So
/// thousands of shards make a round longer, and hold up nobody. A group of which something has changed is urgent: it comes
/// before the round.
struct LagRounds: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Group: Equatable, Sendable {
        let key: ConsumerKey
        /// Whether its session lists the stream's shards itself.
        let isRead: Bool
    }

    enum Step: Equatable, Sendable {
        /// Nothing before this moment, or a fact; nil: nothing before a fact.
        case wait(until: Instant?)
        /// Asks for the groups: `listed` follows.
        case list
        /// Looks at the stream: `looked` follows.
        case look(StreamName)
        /// Asks the group for its shards that nobody reads: `opened` follows.
        case open(ConsumerKey)
        /// Probes the shard's checkpoint: `probed` follows.
        case probe(ConsumerKey, ShardID)
    }

    private enum Task: Equatable, Sendable {
        case look(StreamName)
        case open(ConsumerKey)
        case probe(ConsumerKey, ShardID)
    }

    /// What is under way that the next step needs.
    private enum Asked: Equatable, Sendable {
        case groups
        case stream(StreamName)
        case shards(of: ConsumerKey, isUrgent: Bool)
    }

    /// From the beginning of one round to the next.
    static let period: Duration = .seconds(60)
    /// 20 probes a second are 40 calls, about 4 ms of the loop's time.
    static let leastGap: Duration = .milliseconds(50)
    /// A round of few steps is over in a few seconds.
    static let longestGap: Duration = .seconds(1)
    static let mostInFlight = 4
    /// Groups that wait urgently; another one waits for its round.
    static let mostUrgent = 256

    private var begunAt: Instant?
    private var lastStepAt: Instant?
    private var asked: Asked?
    /// Last first.
    private var round: [Task] = []
    /// Last first.
    private var urgent: [Task] = []
    private var inFlight = 0
    private var steps = 0
    private var gap = Self.leastGap

    init() {}

    // MARK: The next step

    /// The next step; to be asked again after every fact and at every deadline.
    mutating func next(now: Instant) -> Step {
        guard asked == nil else { return .wait(until: nil) }
        let isUrgent = !urgent.isEmpty
        guard let task = urgent.last ?? round.last else { return beginRound(now: now) }
        if let lastStepAt, now < lastStepAt + (isUrgent ? Self.leastGap : gap) {
            return .wait(until: lastStepAt + (isUrgent ? Self.leastGap : gap))
        }
        if case .probe = task, inFlight == Self.mostInFlight { return .wait(until: nil) }
        if isUrgent { urgent.removeLast() } else { round.removeLast() }
        lastStepAt = now
        steps += 1
        switch task {
        case .look(let stream):
            asked = .stream(stream)
            return .look(stream)
        case .open(let key):
            asked = .shards(of: key, isUrgent: isUrgent)
            return .open(key)
        case .probe(let key, let shard):
            inFlight += 1
            return .probe(key, shard)
        }
    }

    private mutating func beginRound(now: Instant) -> Step {
        if let begunAt {
            guard now >= begunAt + Self.period else { return .wait(until: begunAt + Self.period) }
            gap = min(max(Self.period / max(1, steps), Self.leastGap), Self.longestGap)
        }
        begunAt = now
        steps = 0
        asked = .groups
        return .list
    }

    // MARK: Facts

    /// These groups there are, those of one stream side by side.
    mutating func listed(_ groups: [Group]) {
        guard asked == .groups else { return }
        asked = nil
        var tasks: [Task] = []
        var seen: Set<StreamName> = []
        for group in groups {
            // What is read is looked at by its session; of its shards some may still be read by nobody.
            if !group.isRead, seen.insert(group.key.stream).inserted { tasks.append(.look(group.key.stream)) }
            tasks.append(.open(group.key))
        }
        round = tasks.reversed()
    }

    /// The stream was looked at; where it is not there, nothing of its groups is probed in this round.
    mutating func looked(isThere: Bool) {
        guard case .stream(let stream) = asked else { return }
        asked = nil
        guard !isThere else { return }
        round.removeAll { if case .open(let key) = $0 { key.stream == stream } else { false } }
    }

    /// These shards of the group are read by nobody.
    mutating func opened(_ shards: [ShardID]) {
        guard case .shards(let key, let isUrgent) = asked else { return }
        asked = nil
        let probes = shards.reversed().map { Task.probe(key, $0) }
        if isUrgent { urgent += probes } else { round += probes }
    }

    /// A probe is over, whatever came of it.
    mutating func probed() {
        inFlight -= 1
    }

    /// Something of the group has changed: its reader has gone, or its checkpoint moved without one.
    mutating func hurry(_ key: ConsumerKey) {
        guard urgent.count < Self.mostUrgent, !urgent.contains(.open(key)) else { return }
        urgent.insert(.open(key), at: 0)
    }
}
