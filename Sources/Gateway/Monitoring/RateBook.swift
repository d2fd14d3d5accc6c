import Consumer
import Kinesis
import Reactor
import Time

/// How fast every shard of every consumer is delivered, and the process's last hour. Confined to its loop.
///
/// Looks at the counters every ten seconds; what is no longer there is forgotten then.
final class RateBook: @unchecked Sendable {
    private struct Key: Hashable {
        let stream: StreamName
        let group: String
        let shard: ShardID
    }

    private let loop: EventLoop
    private let services: GatewayServices
    private var windows: [Key: RateWindow] = [:]
    private(set) var history = ProcessHistory()

    init(loop: EventLoop, services: GatewayServices) {
        self.loop = loop
        self.services = services
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
        var whole = ProcessHistory.Sample(time: .now())
        for consumer in await services.consumers.snapshots() {
            for shard in consumer.shards {
                whole.deliveredRecords += shard.counters.records
                if let behind = shard.backlog.checkpointLag {
                    whole.millisBehindLatest = max(whole.millisBehindLatest ?? 0, behind)
                }
                let key = Key(stream: consumer.stream, group: consumer.group, shard: shard.id)
                var window = windows[key] ?? RateWindow()
                window.sampled(shard.counters.counts, now: loop.now)
                sampled[key] = window
                await walk.step()
            }
        }
        windows = sampled
        for (_, activity) in services.activity.all {
            whole.putRecords += activity.putRecords
            for operation in StreamActivity.Operation.allCases { whole.throttles += activity.throttles(operation) }
        }
        whole.bufferedBytes = services.consumers.bufferedBytes
        whole.waitingPutBytes = services.producer.waitingBytes
        history.sampled(whole)
    }
}

extension ShardCounters {
    fileprivate var counts: RateWindow.Counts { RateWindow.Counts(records: records, bytes: bytes) }
}
