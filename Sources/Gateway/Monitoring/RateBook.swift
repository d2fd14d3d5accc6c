import Consumer
import Kinesis
import Reactor

/// How fast every shard of every consumer is delivered. Confined to its loop.
///
/// Looks at the counters every ten seconds; what is no longer there is forgotten then.
final class RateBook: @unchecked Sendable {
    private struct Key: Hashable {
        let stream: StreamName
        let group: String
        let shard: ShardID
    }

    private let loop: EventLoop
    private let consumers: ConsumerRegistry
    private var windows: [Key: RateWindow] = [:]

    init(loop: EventLoop, consumers: ConsumerRegistry) {
        self.loop = loop
        self.consumers = consumers
        schedule()
    }

    func rate(of shard: ShardSnapshot, in consumer: ConsumerSnapshot) -> RateWindow.Rate {
        let key = Key(stream: consumer.stream, group: consumer.group, shard: shard.id)
        return windows[key]?.rate(shard.counters.counts, now: loop.now) ?? RateWindow.Rate()
    }

    /// Records a second in the last hour, as far back as it was looked at; nil where none came.
    func hourlyRate(of shard: ShardID, _ stream: StreamName, _ group: String) -> Double? {
        windows[Key(stream: stream, group: group, shard: shard)]?.hourlyRate(now: loop.now)
    }

    private func schedule() {
        _ = loop.schedule(after: RateWindow.interval) { [weak self] in
            guard let self else { return }
            loop.spawn {
                await self.sample()
                self.schedule()
            }
        }
    }

    private func sample() async {
        let walk = SlicedWalk(loop)
        var sampled: [Key: RateWindow] = [:]
        for consumer in await consumers.snapshots() {
            for shard in consumer.shards {
                let key = Key(stream: consumer.stream, group: consumer.group, shard: shard.id)
                var window = windows[key] ?? RateWindow()
                window.sampled(shard.counters.counts, now: loop.now)
                sampled[key] = window
                await walk.step()
            }
        }
        windows = sampled
    }
}

extension ShardCounters {
    fileprivate var counts: RateWindow.Counts { RateWindow.Counts(records: records, bytes: bytes) }
}
