import Kinesis
import State
import Time

/// The events of one shard that were sent and that the checkpoint does not cover: how many, and since when. Performs no
/// I/O.
///
/// Bounded: beyond `mostEntries` the two neighbours with the fewest events become one, which counts until all of it is
/// covered. So with more than that many events open the count may be too high, by the events of one entry, and is never too
/// low.
struct UnacknowledgedEvents: Equatable, Sendable {
    /// One event, or several that follow one another.
    private struct Entry: Equatable, Sendable {
        /// nil: not known, of an event that an earlier process sent.
        let before: Checkpoint?
        var last: Checkpoint
        /// When the first record arrived at the service.
        let firstArrival: WallTime?
        let sentOn: WallTime?
        var count: Int
    }

    /// About 200 bytes each.
    static let mostEntries = 64

    /// By place in the shard.
    private var entries: [Entry] = []

    init() {}

    /// What an earlier process, or an earlier consumer of this one, has sent.
    init(_ logged: UnacknowledgedInLog) {
        entries = [
            Entry(before: nil, last: logged.last, firstArrival: nil, sentOn: logged.firstSentOn, count: logged.count)
        ]
    }

    // MARK: Queries

    var isEmpty: Bool { entries.isEmpty }
    /// At most `mostEntries`.
    var entryCount: Int { entries.count }
    var count: Int { entries.reduce(0) { $0 + $1.count } }

    /// When the first of them was sent.
    var firstSentOn: WallTime? { entries.first?.sentOn }

    /// When the first record arrived that is not done; nil where no event begins at the checkpoint, so that older records
    /// may lie before them.
    func firstArrival(behind progress: ShardProgress) -> WallTime? {
        guard let first = entries.first, let before = first.before else { return nil }
        let beginsThere = progress == .nothing ? before.isBeforeRecord : .through(before) <= progress
        return beginsThere ? first.firstArrival : nil
    }

    /// What these events say of a record by its number, as the delivery log would.
    func knows(_ number: SequenceNumber) -> RecordInLog {
        for entry in entries {
            if entry.last.sequenceNumber == number { return .named }
            if let before = entry.before, before.sequenceNumber <= number, number < entry.last.sequenceNumber {
                return before.sequenceNumber == number ? .named : .insideEvent
            }
        }
        return .unknown
    }

    // MARK: Facts

    /// An event was sent. What lies behind its beginning was sent before, and counts no more: a shard that is begun again is
    /// begun at its checkpoint.
    mutating func sent(before: Checkpoint, last: Checkpoint, firstArrival: WallTime?, on time: WallTime) {
        while let newest = entries.last, newest.last > before { entries.removeLast() }
        entries.append(Entry(before: before, last: last, firstArrival: firstArrival, sentOn: time, count: 1))
        if entries.count > Self.mostEntries { mergeNeighbours() }
    }

    /// The checkpoint covers everything up to here.
    mutating func covered(_ checkpoint: Checkpoint) {
        let open = entries.firstIndex { $0.last > checkpoint } ?? entries.count
        entries.removeFirst(open)
    }

    private mutating func mergeNeighbours() {
        let pairs = entries.indices.dropLast()
        guard let first = pairs.min(by: { pairCount($0) < pairCount($1) }) else { return }
        let second = entries.remove(at: first + 1)
        entries[first].last = second.last
        entries[first].count += second.count
    }

    private func pairCount(_ index: Int) -> Int { entries[index].count + entries[index + 1].count }
}
