import Kinesis

/// When a shard may be subscribed to next: the service takes one call a second for each consumer and shard, and refuses those
/// within 5 s of one that was successful. Performs no I/O.
///
/// Source: reference/kinesis-service.md, "SubscribeToShard".
struct SubscriptionPaces: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Key: Hashable, Sendable {
        let consumer: ConsumerARN
        let shard: ShardID

        init(_ consumer: ConsumerARN, _ shard: ShardID) {
            self.consumer = consumer
            self.shard = shard
        }
    }

    private struct Call: Sendable {
        let at: Instant
        /// Or may have: what became of a call that was given up nobody knows.
        var hasBegun = true

        var next: Instant { at + (hasBegun ? SubscriptionPaces.afterBegun : SubscriptionPaces.afterCall) }
    }

    static let afterCall: Duration = .seconds(1)
    /// A moment more than the service wants: its clock and the way to it are not ours.
    static let afterBegun: Duration = .milliseconds(5100)

    private var calls: [Key: Call] = [:]
    private var swept: Instant?

    func earliest(_ key: Key, now: Instant) -> Instant { calls[key]?.next ?? now }

    /// A call is made, which counts as successful.
    mutating func called(_ key: Key, now: Instant) {
        forget(now: now)
        calls[key] = Call(at: now)
    }

    /// The last call has begun nothing.
    mutating func refused(_ key: Key) { calls[key]?.hasBegun = false }

    private mutating func forget(now: Instant) {
        if let swept, now < swept + Self.afterBegun { return }
        swept = now
        calls = calls.filter { now < $0.value.next }
    }
}
