import Kinesis
import Time

/// One shard as the service keeps it. Performs no I/O. Confined to its loop.
struct LocalShard: Equatable {
    let index: Int
    let parent: Int?
    let adjacentParent: Int?
    let hashKeyRange: HashKeyRange
    let created: WallTime

    /// When it was split or merged; nil while it takes records.
    var closed: WallTime?
    /// The ordinal that the next record gets. Records of a closed shard are all below it.
    var nextOrdinal: Int64 = 1
    /// Every record below this ordinal is stored, or has failed to be.
    var settledOrdinal: Int64 = 1
    /// Behind the last record that is stored: what readers may see, and how far iterators go. Ordinals that failed to
    /// be stored are given anew after a restart, and an iterator behind them would pass those records over.
    var storedOrdinal: Int64 = 1
    /// The arrival of the newest record, below which no later one may fall (the clock may be set back).
    var lastArrival = WallTime(milliseconds: 0)

    init(
        index: Int, parent: Int? = nil, adjacentParent: Int? = nil, hashKeyRange: HashKeyRange, created: WallTime
    ) {
        self.index = index
        self.parent = parent
        self.adjacentParent = adjacentParent
        self.hashKeyRange = hashKeyRange
        self.created = created
    }

    var id: String { Self.id(index) }
    var isOpen: Bool { closed == nil }
    var parents: [Int] { [parent, adjacentParent].compactMap(\.self) }

    static func id(_ index: Int) -> String { ShardID(number: index).text }

    func sequenceNumber(_ ordinal: Int64, at time: WallTime) -> String {
        LocalSequenceNumber(shardCreated: created, shardIndex: index, ordinal: ordinal).text(at: time)
    }

    var startingSequenceNumber: String { sequenceNumber(0, at: created) }
    var endingSequenceNumber: String? { closed.map { sequenceNumber(nextOrdinal, at: $0) } }

    /// The largest ordinal of a sequence number that was ever given: of the newest record, or of the shard's end.
    var lastOrdinal: Int64 { isOpen ? nextOrdinal - 1 : nextOrdinal }

    /// Takes the next ordinal, for a record that arrives `now`.
    mutating func take(now: WallTime) -> (ordinal: Int64, arrival: WallTime) {
        defer { nextOrdinal += 1 }
        lastArrival = max(lastArrival, now)
        return (nextOrdinal, lastArrival)
    }
}
