import Kinesis
import State

/// Who is to get what of a shard again, because it came back with the id of an earlier event. Performs no I/O.
///
/// One reader after the other: while a shard is sent again to one, it is that one's. It is over when the reader has been
/// sent the last record that it had been sent before.
struct ResendQueue: Equatable, Sendable {
    struct Resend: Equatable, Sendable {
        let reader: ReaderID
        let stretch: SentAfter.Stretch
    }

    /// Of each shard the first is under way.
    private var shards: [ShardID: [Resend]] = [:]

    /// What is under way for the shard.
    func current(_ shard: ShardID) -> Resend? { shards[shard]?.first }

    /// Returns whether it begins at once.
    mutating func append(_ resend: Resend, of shard: ShardID) -> Bool {
        shards[shard, default: []].append(resend)
        return shards[shard]?.count == 1
    }

    /// The reader was sent everything of the shard up to here. Returns whether that ends what was under way.
    mutating func sent(_ shard: ShardID, to reader: ReaderID, upTo checkpoint: Checkpoint) -> Bool {
        guard let current = current(shard), current.reader == reader, current.stretch.last <= checkpoint else {
            return false
        }
        removeFirst(of: shard)
        return true
    }

    /// The reader has gone. Returns the shards whose next resend begins now.
    mutating func left(_ reader: ReaderID) -> [ShardID] {
        var begun: [ShardID] = []
        for (shard, queue) in shards {
            let kept = queue.filter { $0.reader != reader }
            if let next = kept.first, next != queue.first { begun.append(shard) }
            shards[shard] = kept.isEmpty ? nil : kept
        }
        return begun.sorted()
    }

    /// The shards are not what they were.
    mutating func removeAll() {
        shards.removeAll()
    }

    private mutating func removeFirst(of shard: ShardID) {
        shards[shard]?.removeFirst()
        if shards[shard]?.isEmpty ?? false { shards[shard] = nil }
    }
}
