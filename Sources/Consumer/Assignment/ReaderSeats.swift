import Kinesis
import State

/// A consumer's readers by the number of shards that are theirs: who has the most, and who the fewest. Performs no I/O.
///
/// A shard comes and goes in constant time but for the search for a reader's place among those with as many, which is a
/// binary one.
struct ReaderSeats: Sendable {
    /// Which reader it is, by the order in which they came: grows from one to the next.
    typealias Place = Int

    struct Seat: Sendable {
        let reader: ReaderID
        /// Shards that may move to another reader, in the order in which they came to this one.
        fileprivate(set) var movable: [ShardID] = []
        /// How many shards it has that may not.
        fileprivate(set) var pinned = 0
        /// Shards whose buffers were given up.
        fileprivate var evicted: Set<ShardID> = []

        var count: Int { movable.count + pinned }
    }

    private var seats: [Place: Seat] = [:]
    private var places: [ReaderID: Place] = [:]
    private var lastPlace = 0
    /// The places of the readers with so many shards, ascending.
    private var byCount: [[Place]] = []
    /// No reader has fewer, and none has more.
    private var fewest = 0
    private var most = 0
    private var evictedCount = 0

    var isEmpty: Bool { seats.isEmpty }

    /// In the order in which they came.
    var readers: [ReaderID] { seats.sorted { $0.key < $1.key }.map(\.value.reader) }

    /// The readers that have shards, in the order in which they came.
    var holders: [(reader: ReaderID, shards: Int)] {
        byCount.dropFirst().joined().sorted().map { (self[$0].reader, self[$0].count) }
    }

    var isAnyEvicted: Bool { evictedCount > 0 }

    func place(of reader: ReaderID) -> Place? { places[reader] }

    subscript(place: Place) -> Seat {
        // A place that is handed out stands until `remove`.
        seats[place].unsafelyExisting
    }

    // MARK: Readers

    mutating func append(_ reader: ReaderID) {
        precondition(places[reader] == nil, "a reader joins once")
        lastPlace += 1
        places[reader] = lastPlace
        seats[lastPlace] = Seat(reader: reader)
        enter(lastPlace, count: 0)
        fewest = 0
    }

    /// With all that it has.
    mutating func remove(_ place: Place) {
        guard let seat = seats.removeValue(forKey: place) else { return }
        leave(place, count: seat.count)
        places[seat.reader] = nil
        evictedCount -= seat.evicted.count
    }

    // MARK: Shards

    /// Returns the shard's index among those that may move, nil when it may not.
    mutating func give(_ shard: ShardID, to place: Place, isPinned: Bool) -> Int? {
        let count = self[place].count
        if isPinned { seats[place]?.pinned += 1 } else { seats[place]?.movable.append(shard) }
        enter(place, count: count + 1)
        leave(place, count: count)
        return isPinned ? nil : self[place].movable.count - 1
    }

    /// Takes the shard that came last of those that may move. There must be one.
    mutating func takeLast(from place: Place) -> ShardID {
        let count = self[place].count
        guard let last = seats[place]?.movable.popLast() else { preconditionFailure("no shard may move") }
        enter(place, count: count - 1)
        leave(place, count: count)
        return last
    }

    /// Takes the shard with this index, nil: one that may not move. Returns the shard that has the index now.
    mutating func take(at index: Int?, from place: Place) -> ShardID? {
        let count = self[place].count
        var moved: ShardID?
        if let index {
            if let last = seats[place]?.movable.popLast(), index < self[place].movable.count {
                seats[place]?.movable[index] = last
                moved = last
            }
        } else {
            seats[place]?.pinned -= 1
        }
        enter(place, count: count - 1)
        leave(place, count: count)
        return moved
    }

    mutating func evicted(_ shard: ShardID, of place: Place) {
        if seats[place]?.evicted.insert(shard).inserted ?? false { evictedCount += 1 }
    }

    mutating func notEvicted(_ shard: ShardID, of place: Place) {
        if seats[place]?.evicted.remove(shard) != nil { evictedCount -= 1 }
    }

    mutating func takeEvicted(of place: Place) -> [ShardID] {
        let evicted = self[place].evicted
        seats[place]?.evicted = []
        evictedCount -= evicted.count
        return evicted.sorted()
    }

    // MARK: The fewest and the most

    /// Who has the fewest shards; of equals who came first. nil without a reader.
    var poorest: Place? { isEmpty ? nil : byCount[fewest].first }

    /// One who has at least two shards more than another, some of which may move, and who has the fewest; nil when all are
    /// as even as they can be. Of equals who came last gives.
    var nextMove: (rich: Place, poor: Place)? {
        guard let poor = poorest else { return nil }
        for count in stride(from: most, to: fewest + 1, by: -1) {
            if let rich = byCount[count].last(where: { !self[$0].movable.isEmpty }) { return (rich, poor) }
        }
        return nil
    }

    /// A reader enters where it belongs before it leaves where it was: the fewest and the most are then a step away.
    private mutating func enter(_ place: Place, count: Int) {
        while byCount.count <= count { byCount.append([]) }
        byCount[count].insert(place, at: byCount[count].firstIndexNotBelow(place))
        fewest = min(fewest, count)
        most = max(most, count)
    }

    private mutating func leave(_ place: Place, count: Int) {
        byCount[count].remove(at: byCount[count].firstIndexNotBelow(place))
        while fewest < most, byCount[fewest].isEmpty { fewest += 1 }
        while most > fewest, byCount[most].isEmpty { most -= 1 }
        // The last one may have left.
        if seats.isEmpty { (fewest, most) = (0, 0) }
    }
}

extension [Int] {
    /// Of an ascending array.
    fileprivate func firstIndexNotBelow(_ value: Int) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Optional {
    fileprivate var unsafelyExisting: Wrapped {
        guard let self else { preconditionFailure("a place that no reader has") }
        return self
    }
}
