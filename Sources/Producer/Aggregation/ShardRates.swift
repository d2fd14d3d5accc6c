import Kinesis

/// Says when a shard takes another record: this process keeps within its share of what the shard takes in a second, so that
/// a burst waits instead of being throttled. Performs no I/O.
struct ShardRates {
    typealias Instant = ContinuousClock.Instant

    private struct Shard {
        var bytes: Allowance
        var records: Allowance
    }

    /// Shards that are remembered; beyond it all are taken to be rested, which costs a throttled call at worst.
    private static let capacity = 10_000

    /// Of the shard's limits, 1 being all of them.
    private let share: Double
    private var shards: [ShardID: Shard] = [:]

    init(share: Double) {
        self.share = share
    }

    /// Takes the record's part of the shard's second, and returns nil; else nothing is taken, and it is when to ask again.
    mutating func take(_ shard: ShardID, bytes: Int, now: Instant) -> Instant? {
        var rates = shards[shard] ?? rested
        let due = max(rates.bytes.covers(bytes, from: now), rates.records.covers(1, from: now))
        if due <= now {
            rates.bytes.spend(bytes, now)
            rates.records.spend(1, now)
        }
        keep(rates, of: shard)
        return due <= now ? nil : due
    }

    /// A record leaves whatever is left.
    mutating func spent(_ shard: ShardID, bytes: Int, now: Instant) {
        var rates = shards[shard] ?? rested
        rates.bytes.spend(bytes, now)
        rates.records.spend(1, now)
        keep(rates, of: shard)
    }

    /// The service has throttled the shard: others write to it too.
    mutating func throttled(_ shard: ShardID, now: Instant) {
        var rates = shards[shard] ?? rested
        rates.bytes.drain(now)
        rates.records.drain(now)
        keep(rates, of: shard)
    }

    private mutating func keep(_ rates: Shard, of shard: ShardID) {
        if shards.count >= Self.capacity, shards[shard] == nil { shards.removeAll() }
        shards[shard] = rates
    }

    private var rested: Shard {
        Shard(
            bytes: Allowance(rate: max(Int(Double(ShardLimits.writeBytesPerSecond) * share), 1)),
            records: Allowance(rate: max(Int(Double(ShardLimits.writesPerSecond) * share), 1)))
    }
}
