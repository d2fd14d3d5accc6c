import Bytes
import Reactor

/// The subscriptions to shards that are under way, and the rules by which they follow each other. Confined to its loop.
final class Subscriptions {
    struct Key: Hashable {
        let consumer: ConsumerARN
        let shard: Int

        var address: StreamStore.Address { StreamStore.Address(stream: consumer.stream, shard: shard) }
    }

    private static let leastTurns = 1000

    /// From so many on, those that no rule asks about any more are looked for: twice as many as there were after the last
    /// look, so that a call pays for a few of them, however many there are.
    private var manyTurns = leastTurns
    private var turns: [Key: SubscriptionTurns] = [:]
    private var running: [StreamStore.Address: [ShardSubscription]] = [:]
    private var lastNumber = 0

    /// Judges a call. Accepted, its number is the subscription's, and an earlier one is over.
    func call(_ key: Key, now: EventLoop.Instant, limits: Bool) -> (verdict: SubscriptionTurns.Verdict, number: Int) {
        if turns.count >= manyTurns {
            turns = turns.filter { running[$0.key.address] != nil || !$0.value.isForgotten(now: now) }
            manyTurns = max(Self.leastTurns, 2 * turns.count)
        }
        lastNumber += 1
        let verdict = turns[key, default: SubscriptionTurns()].call(lastNumber, now: now, limits: limits)
        if verdict == .accepted { changed(key.address) }
        return (verdict, lastNumber)
    }

    func hasTurn(_ number: Int, _ key: Key) -> Bool { turns[key]?.current == number }

    func began(_ subscription: ShardSubscription) {
        running[subscription.key.address, default: []].append(subscription)
    }

    func ended(_ subscription: ShardSubscription) {
        let address = subscription.key.address
        running[address]?.removeAll { $0 === subscription }
        if running[address]?.isEmpty ?? false { running[address] = nil }
    }

    /// Those under way, for `GET /_subscriptions`: `{"subscriptions": [{"stream", "consumer", "shardId"}]}`.
    func list() -> ByteBuffer {
        var answer = AnswerWriter(.json)
        answer.beginObject()
        answer.key("subscriptions")
        answer.beginArray()
        for key in running.values.joined().map(\.key) {
            answer.beginObject()
            answer.member("stream", key.consumer.stream)
            answer.member("consumer", key.consumer.name)
            answer.member("shardId", LocalShard.id(key.shard))
            answer.endObject()
        }
        answer.endArray()
        answer.endObject()
        return answer.buffer
    }

    /// There may be something new to tell of the shard.
    func changed(_ address: StreamStore.Address) {
        for subscription in running[address] ?? [] { subscription.wake() }
    }

    /// There may be something new to tell of any of the stream's shards.
    func changed(_ stream: String) {
        for (address, subscriptions) in running where address.stream == stream {
            for subscription in subscriptions { subscription.wake() }
        }
    }
}
