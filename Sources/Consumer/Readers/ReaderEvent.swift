import Kinesis

/// What a reader is told: records, or what becomes of its shards.
package enum ReaderEvent: Sendable {
    case records(Delivery)
    case shard(ShardNotice)
}

/// What became of one of a reader's shards: the event `shard`.
package struct ShardNotice: Equatable, Sendable {
    package enum Change: String, Sendable {
        /// The shard's records come to this reader from here on.
        case assigned
        /// They go to another reader, or to none.
        case revoked
        /// All of the shard's records were delivered; its children follow.
        case depleted
    }

    package let shard: ShardID
    package let change: Change
}

/// Notices that a reader has not taken yet, at most two for each shard however long it takes nothing. Performs no I/O.
struct NoticeQueue {
    private var notices: [ShardNotice] = []

    var isEmpty: Bool { notices.isEmpty }

    /// A shard that goes before the reader heard that it came is not spoken of at all.
    mutating func append(_ notice: ShardNotice) {
        if notice.change != .assigned,
            let index = notices.lastIndex(where: { $0.shard == notice.shard && $0.change == .assigned })
        {
            notices.remove(at: index)
            if notice.change == .revoked { return }
        }
        if notices.last(where: { $0.shard == notice.shard }) == notice { return }
        notices.append(notice)
    }

    mutating func popFirst() -> ShardNotice? {
        notices.isEmpty ? nil : notices.removeFirst()
    }

    mutating func removeAll() {
        notices.removeAll()
    }
}
