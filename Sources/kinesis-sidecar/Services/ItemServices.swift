import AWS
import Gateway
import Kinesis
import Logging
import Producer
import Reactor
import S3

/// What large items stand on: their buckets, and how each stream's are put. Confined to its loop.
final class ItemServices: @unchecked Sendable {
    /// Streams whose buckets are looked after; beyond it they are used without that.
    private static let mostStreams = 1000

    let store: ItemStore
    let target: ServiceTarget
    private let settings: Settings
    private let kinesis: KinesisClient
    private let logger = Logger(label: "s3")
    private var prepared: Set<StreamName> = []

    /// Nil where nobody uses large items.
    init?(
        _ settings: Settings, _ targets: ServiceTargets, _ kinesis: KinesisClient, over transport: Transport
    ) throws(StartError) {
        guard settings.usesLargeItems else { return nil }
        self.settings = settings
        self.kinesis = kinesis
        target = try targets.target(.s3, settings.s3.service)
        let client = S3Client(
            target.client(S3Client.serviceProtocol, over: transport), variant: targets.variant(of: target),
            addressing: settings.s3.addressing)
        store = ItemStore(client, allowed: settings.s3.allowed, logger: logger)
    }

    var activity: ItemActivity {
        let service = ServiceActivity(
            lastAnswer: store.client.lastResponse, recentExceptions: store.client.recentExceptions)
        return ItemActivity(service: service, counters: store.counters, problems: store.problems)
    }

    /// How the producer puts them.
    var puts: LargeItems {
        LargeItems(store) { [weak self] in self?.prepare($0) }
    }

    /// Looks after the buckets of the streams that configuration lists.
    func start() {
        for consumer in settings.listed { prepare(consumer.stream) }
    }

    func stop() { store.stop() }

    /// Looks, once, whether the stream's bucket is as it is wanted, in the background.
    private func prepare(_ stream: StreamName) {
        guard let bucket = settings.largeItemRule(of: stream)?.bucket, prepared.count < Self.mostStreams,
            prepared.insert(stream).inserted
        else { return }
        var wanted = BucketProvision.Wanted()
        // A stream that only a URL names may be a typing error, and so the bucket that is called like it.
        guard settings.s3.bucket != nil || settings.capacity(of: stream) != nil else {
            return store.prepare(bucket, wanted)
        }
        wanted.isManaged = true
        wanted.tags = settings.s3.tags.sorted { $0.key < $1.key }.map { BucketTag(key: $0.key, value: $0.value) }
        store.prepare(bucket, wanted)
        kinesis.client.loop.spawn { [self, wanted] in
            guard let days = await days(of: stream) else { return }
            var more = wanted
            more.rules = [
                ExpiryRule(
                    id: "kinesis-sidecar-ttl-\(stream.arn?.name ?? stream)", prefix: LargeItemRule.prefix(of: stream),
                    days: days)
            ]
            store.prepare(bucket, more)
        }
    }

    /// How long the stream's items stay.
    private func days(of stream: StreamName) async -> ExpiryRule.Days? {
        if let days = settings.s3.expirationDays { return .exactly(days) }
        while true {
            do throws(AWSError) {
                let summary = try await kinesis.call(
                    DescribeStreamSummary(stream: stream), retry: Retrying(.default))
                // A record is put behind its item, and its item is asked for behind its last moment.
                return .atLeast((summary.retentionHours + 23) / 24 + 1)
            } catch {
                guard error.disposition == .notFound else {
                    logger.warning(
                        "it is not known how long the stream keeps records: items expire only with s3.itemExpiration",
                        metadata: ["stream": "\(stream)", "error": "\(error)"])
                    return nil
                }
                // It is made when it is needed.
                do throws(CancellationError) {
                    try await kinesis.client.loop.sleep(for: .seconds(5))
                } catch { return nil }
            }
        }
    }
}

extension Settings {
    /// Whether any stream's records may have large items.
    var usesLargeItems: Bool {
        consumerDefaults.useS3ForLargeItems
            || listed.contains { $0.options.applied(to: consumerDefaults).useS3ForLargeItems }
    }

    /// Which records of the stream are put to S3; nil: none. Where configuration lists the stream for several groups, one of
    /// them that reads large items is enough.
    func largeItemRule(of stream: StreamName) -> LargeItemRule? {
        let listed = listed.filter { $0.stream == stream }.map { $0.options.applied(to: consumerDefaults) }
        guard (listed.isEmpty ? [consumerDefaults] : listed).contains(where: \.useS3ForLargeItems) else { return nil }
        return LargeItemRule(
            bucket: s3.bucket ?? BucketName((stream.arn?.name ?? stream).text), threshold: s3.thresholdKilobytes << 10,
            keptMembers: s3.nonS3Keys)
    }
}
