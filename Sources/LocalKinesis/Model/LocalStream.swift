import Kinesis
import Time

/// A stream as the service keeps it: settings and shards, and how shards split and merge. Performs no I/O.
struct LocalStream: Equatable {
    enum Status: String { case creating = "CREATING", active = "ACTIVE", updating = "UPDATING", deleting = "DELETING" }
    enum Distribution: String, CaseIterable { case userPartitionKey = "USER_PARTITION_KEY", auto = "AUTO" }
    enum Mode: String, CaseIterable { case provisioned = "PROVISIONED", onDemand = "ON_DEMAND" }

    /// Hours. Source: Increase- and DecreaseStreamRetentionPeriod.
    static let retentionRange = 24...8760
    /// KiB. Source: UpdateMaxRecordSize.
    static let recordSizeRange = 1024...10240
    static let onDemandShards = 4

    let name: String
    let created: WallTime
    var status: Status
    var mode: Mode
    var distribution = Distribution.userPartitionKey
    var retentionHours = 24
    var maxRecordKiB = 1024
    /// The KMS key with which the stream says it is encrypted; nil: NONE.
    var encryptionKey: String?
    var tags: [String: String] = [:]
    var shardMetrics: Set<ShardMetric> = []
    /// A policy of IAM, as the JSON text that it came in.
    var policy: String?
    /// MiB a second; nil: as a stream in ON_DEMAND mode begins.
    var warmThroughput: Int?
    /// By name.
    private(set) var consumers: [String: StreamConsumer] = [:]
    /// When the newest one was registered that there ever was since the start: no two have one ARN.
    private var lastConsumerCreated = WallTime(milliseconds: 0)
    /// By index; those that have outlived the retention period are gone from it.
    private(set) var shards: [Int: LocalShard] = [:]
    private(set) var nextShardIndex = 0
    /// The open shards' indices in the order of their hash keys, so that a record's shard is found in a few steps.
    private var routes: [Int] = []

    init(name: String, shardCount: Int, mode: Mode, created: WallTime) {
        self.name = name
        self.created = created
        self.mode = mode
        status = .creating
        for range in HashKeyRange.even(shardCount) { addShard(range, parents: [], at: created) }
        sortRoutes()
    }

    /// As it was stored.
    init(
        name: String, created: WallTime, status: Status, mode: Mode, shards: [LocalShard], nextShardIndex: Int,
        consumers: [StreamConsumer]
    ) {
        self.name = name
        self.created = created
        self.status = status
        self.mode = mode
        self.shards = Dictionary(uniqueKeysWithValues: shards.map { ($0.index, $0) })
        self.nextShardIndex = nextShardIndex
        self.consumers = Dictionary(uniqueKeysWithValues: consumers.map { ($0.name, $0) })
        sortRoutes()
    }

    // MARK: Queries

    /// In the order in which they were made.
    var orderedShards: [LocalShard] { shards.values.sorted { $0.index < $1.index } }
    var openShards: [LocalShard] { orderedShards.filter(\.isOpen) }
    var encryptionType: String { encryptionKey == nil ? "NONE" : "KMS" }
    var maxRecordBytes: Int { maxRecordKiB * 1024 }
    /// A shard takes a MiB a second.
    var shownWarmThroughput: Int { warmThroughput ?? Self.onDemandShards }

    func arn(region: String, account: String) -> String {
        "arn:aws:kinesis:\(region):\(account):stream/\(name)"
    }

    /// The shard of that ID, whatever its state.
    func shard(_ id: String) -> LocalShard? {
        guard id.hasPrefix("shardId-"), let index = Int(id.dropFirst(8)), let shard = shards[index], shard.id == id
        else { return nil }
        return shard
    }

    /// The open shard that takes records of that hash key. Open shards cover all keys without overlap.
    func shardIndex(for key: HashKey) -> Int {
        var (low, high) = (0, routes.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if shards[routes[middle]]!.hashKeyRange.start <= key { low = middle } else { high = middle - 1 }
        }
        return routes[low]
    }

    /// The shard of a record with that key, as the stream distributes them; without a key it is any.
    func shardIndex(of key: HashKey?) -> Int {
        guard distribution == .userPartitionKey, let key else {
            return shardIndex(for: HashKey(UInt128.random(in: .min ... .max)))
        }
        return shardIndex(for: key)
    }

    func children(of index: Int) -> [LocalShard] {
        orderedShards.filter { $0.parents.contains(index) }
    }

    // MARK: Changes

    mutating func update(_ index: Int, _ change: (inout LocalShard) -> Void) {
        guard var shard = shards[index] else { return }
        change(&shard)
        shards[index] = shard
    }

    mutating func addConsumer(_ name: String, tags: [String: String] = [:], now: WallTime) -> StreamConsumer {
        let second = max(now.milliseconds / 1000, lastConsumerCreated.milliseconds / 1000 + 1)
        let consumer = StreamConsumer(name: name, created: WallTime(milliseconds: second * 1000), tags: tags)
        lastConsumerCreated = consumer.created
        consumers[name] = consumer
        return consumer
    }

    /// Changes a consumer that is still the one it was.
    mutating func update(_ consumer: StreamConsumer, _ change: (inout StreamConsumer) -> Void) {
        guard consumers[consumer.name]?.created == consumer.created else { return }
        change(&consumers[consumer.name]!)
    }

    mutating func removeConsumer(_ consumer: StreamConsumer) {
        guard consumers[consumer.name]?.created == consumer.created else { return }
        consumers[consumer.name] = nil
    }

    mutating func split(_ index: Int, at key: HashKey, now: WallTime) throws(ServiceFault) {
        let shard = try openShard(index)
        let range = shard.hashKeyRange
        // The service leaves no child of one key, and none of two at the lower end.
        guard range.start < key, key.value - range.start.value > 1, key < range.end,
            let lower = HashKeyRange(start: range.start, end: HashKey(key.value - 1)),
            let upper = HashKeyRange(start: key, end: range.end)
        else {
            throw .invalidArgument(
                "NewStartingHashKey \(key) used in SplitShard() on shard \(shard.id) in stream \(name) is not both "
                    + "greater than one plus the shard's StartingHashKey \(range.start) and less than the shard's "
                    + "EndingHashKey \(range.end).")
        }
        let time = close([index], now: now)
        addShard(lower, parents: [index], at: time)
        addShard(upper, parents: [index], at: time)
        sortRoutes()
    }

    mutating func merge(_ index: Int, _ adjacent: Int, now: WallTime) throws(ServiceFault) {
        let (first, second) = (try openShard(index), try openShard(adjacent))
        let (lower, upper) = first.hashKeyRange.start < second.hashKeyRange.start ? (first, second) : (second, first)
        guard lower.hashKeyRange.isFollowed(by: upper.hashKeyRange),
            let range = HashKeyRange(start: lower.hashKeyRange.start, end: upper.hashKeyRange.end)
        else {
            throw .invalidArgument(
                "Shards \(first.id) and \(second.id) in stream \(name) are not an adjacent pair of shards eligible for "
                    + "merging.")
        }
        let time = close([index, adjacent], now: now)
        addShard(range, parents: [index, adjacent], at: time)
        sortRoutes()
    }

    /// Brings the stream to `count` shards of equal width by splits and merges, as UNIFORM_SCALING does: first every
    /// open shard is split at the new borders that lie inside it, then the pieces of each new range are merged.
    mutating func scale(to count: Int, now: WallTime) throws(ServiceFault) {
        let ranges = HashKeyRange.even(count)
        for border in ranges.dropFirst().map(\.start) {
            let index = shardIndex(for: border)
            if shards[index]?.hashKeyRange.start != border { try split(index, at: border, now: now) }
        }
        for range in ranges {
            var index = shardIndex(for: range.start)
            while let shard = shards[index], shard.hashKeyRange.end < range.end {
                try merge(index, shardIndex(for: HashKey(shard.hashKeyRange.end.value + 1)), now: now)
                index = shardIndex(for: range.start)
            }
        }
    }

    /// Removes closed shards whose records have all outlived the retention period; says which.
    mutating func expireShards(now: WallTime) -> [LocalShard] {
        let horizon = now.advanced(by: .seconds(-3600 * retentionHours))
        let expired = shards.values.filter { ($0.closed ?? now) < horizon }
        for shard in expired { shards[shard.index] = nil }
        return expired
    }

    private func openShard(_ index: Int) throws(ServiceFault) -> LocalShard {
        guard let shard = shards[index], shard.isOpen else {
            throw .invalidArgument(
                "Shard \(LocalShard.id(index)) in stream \(name) has already been merged or split, and thus is not "
                    + "eligible for merging or splitting.")
        }
        return shard
    }

    /// The time at which children begin: after every parent began, whatever the clock says.
    private mutating func close(_ indices: [Int], now: WallTime) -> WallTime {
        let latest = indices.compactMap { shards[$0]?.created.milliseconds }.max() ?? 0
        let time = WallTime(milliseconds: max(now.milliseconds, latest + 1))
        for index in indices { update(index) { $0.closed = time } }
        return time
    }

    private mutating func addShard(_ range: HashKeyRange, parents: [Int], at time: WallTime) {
        shards[nextShardIndex] = LocalShard(
            index: nextShardIndex, parent: parents.first, adjacentParent: parents.dropFirst().first,
            hashKeyRange: range, created: time)
        nextShardIndex += 1
    }

    private mutating func sortRoutes() {
        routes = shards.values.filter(\.isOpen).sorted { $0.hashKeyRange.start < $1.hashKeyRange.start }.map(\.index)
    }
}
