import Kinesis
import State

/// What was sent to one reader last and may still lie unread in its socket. Performs no I/O.
///
/// A socket on loopback holds 4 to 8 MB that its reader never saw (design section 6). When a connection ends without an
/// orderly end of stream, everything of its last `bytes` counts as unread.
///
/// Small events of a shard that follow each other are kept as one stretch, so that a shard needs at most about
/// `stretches` of them; what counts as unread then begins up to a stretch's length earlier.
struct UnreadWindow: Equatable, Sendable {
    /// How many stretches the window has for one shard.
    static let stretches = 64

    private struct Stretch: Equatable, Sendable {
        /// The earliest: a shard may have begun again further back in between.
        var before: Checkpoint
        let startOffset: Int
        var endOffset: Int
    }

    /// How many bytes count as unread; 0: none.
    let bytes: Int
    /// Bytes that were sent in all.
    private(set) var sent = 0
    private var shards: [ShardID: [Stretch]] = [:]

    init(bytes: Int) {
        self.bytes = bytes
    }

    /// The socket has taken an event whose last byte is the `endOffset`th of the connection.
    mutating func sent(_ shard: ShardID, from before: Checkpoint, endOffset: Int) {
        let startOffset = sent
        sent = endOffset
        guard bytes > 0 else { return }
        var stretches = shards[shard] ?? []
        stretches.removeAll { $0.endOffset <= sent - bytes }
        if let last = stretches.last, endOffset - last.startOffset <= bytes / Self.stretches {
            stretches[stretches.count - 1].endOffset = endOffset
            stretches[stretches.count - 1].before = min(last.before, before)
        } else {
            stretches.append(Stretch(before: before, startOffset: startOffset, endOffset: endOffset))
        }
        shards[shard] = stretches
    }

    /// What was sent of these shards counts as read.
    mutating func forget(_ ids: Set<ShardID>) {
        shards = shards.filter { !ids.contains($0.key) }
    }

    /// Where each shard goes on if nothing of the window was read.
    var unread: [ShardID: Checkpoint] {
        shards.compactMapValues { stretches in
            stretches.filter { $0.endOffset > sent - bytes }.map(\.before).min()
        }
    }
}
