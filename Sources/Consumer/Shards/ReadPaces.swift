import Kinesis
import Reactor

/// Shares each shard's five GetRecords a second among everybody in this process who reads it, groups and tails alike.
/// Performs no I/O.
///
/// First come, first served: who wants to read takes a turn, which is the earliest moment that those before leave, and
/// calls when it has come. Everybody has one turn at a time, so who has read is behind all who wait. A turn that is used
/// late, because room was missing or the loop was busy, holds up nobody; whether it still fits is looked at once more.
///
/// Bounded by one turn for each reader of a shard and its last five calls. A shard that nobody has asked for during
/// `memory` is forgotten.
///
/// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
struct ReadPaces: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Key: Hashable, Sendable {
        let stream: StreamName
        let shard: ShardID
    }

    fileprivate struct Pace {
        /// When the last calls left, oldest first; at most `callsPerSecond`.
        var calls: [Instant] = []
        /// Turns that are taken and not used, earliest first.
        var turns: [Instant] = []
    }

    static let callsPerSecond = 5
    /// In what time `callsPerSecond` may leave: the service counts them as they arrive, and one that follows on a faster way
    /// arrives early. 50 ms cover what a new connection to a near region takes.
    static let period: Duration = .milliseconds(1050)
    /// How long a shard is remembered that nobody asks for. Longer than `period`, and rare enough to look at all of them.
    static let memory: Duration = .seconds(10)

    /// Of shards that are pushed, with limits of their own.
    var subscriptions = SubscriptionPaces()
    private var paces: [Key: Pace] = [:]
    private var swept: Instant?

    /// Shards that are remembered.
    var count: Int { paces.count }

    /// Takes a turn. It is to be used by `call`, or given back.
    mutating func take(_ key: Key, now: Instant) -> Instant {
        forget(now: now)
        var pace = paces[key] ?? Pace()
        let turn = pace.next(now: now)
        pace.turns.append(turn)
        paces[key] = pace
        return turn
    }

    /// Uses a turn. Returns nil when the call leaves now, else the turn that there is in its place.
    mutating func call(_ key: Key, turn: Instant, now: Instant) -> Instant? {
        guard var pace = paces[key], let index = pace.turns.firstIndex(of: turn) else { return take(key, now: now) }
        defer { paces[key] = pace }
        pace.turns.remove(at: index)
        if let earliest = pace.earliest, now < earliest {
            pace.turns.append(earliest)
            pace.turns.sort()
            return earliest
        }
        if pace.calls.count == Self.callsPerSecond { pace.calls.removeFirst() }
        pace.calls.append(now)
        return nil
    }

    /// A turn will not be used.
    mutating func giveBack(_ key: Key, turn: Instant) {
        guard let index = paces[key]?.turns.firstIndex(of: turn) else { return }
        paces[key]?.turns.remove(at: index)
    }

    private mutating func forget(now: Instant) {
        if let swept, now < swept + Self.memory { return }
        swept = now
        paces = paces.filter {
            !$0.value.turns.isEmpty || ($0.value.calls.last.map { now < $0 + Self.memory } ?? false)
        }
    }
}

extension ReadPaces.Pace {
    /// When the next call may leave, whoever makes it; nil: at any time.
    var earliest: ReadPaces.Instant? {
        calls.count < ReadPaces.callsPerSecond ? nil : calls[0] + ReadPaces.period
    }

    /// The earliest moment that the calls so far and the turns that are taken leave.
    func next(now: ReadPaces.Instant) -> ReadPaces.Instant {
        // A turn whose moment is past is about to be used.
        let before = (calls + turns.map { max($0, now) }).suffix(ReadPaces.callsPerSecond)
        guard before.count == ReadPaces.callsPerSecond, let first = before.first else { return now }
        return max(now, first + ReadPaces.period)
    }
}

/// The process's `ReadPaces`. Confined to its loop.
final class SharedPaces: @unchecked Sendable {
    var paces = ReadPaces()

    /// Returns when it is the caller's turn to ask for records, and uses the turn. Throws, and gives it back, when the task is
    /// cancelled.
    func turn(of key: ReadPaces.Key, on loop: EventLoop) async throws(CancellationError) {
        var turn = paces.take(key, now: loop.now)
        while true {
            do throws(CancellationError) {
                try await loop.sleep(until: turn)
            } catch {
                paces.giveBack(key, turn: turn)
                throw error
            }
            guard let later = paces.call(key, turn: turn, now: loop.now) else { return }
            turn = later
        }
    }
}
