import Kinesis
import State
import Time

/// What a reader is told: records, what becomes of its shards, or what is wrong. Indirect: every reader that waits has
/// room for one.
package indirect enum ReaderEvent: Sendable {
    case records(Delivery)
    case shard(ShardNotice)
    case problem(ReaderProblem)
}

/// What became of one of a reader's shards: the event `shard`.
package struct ShardNotice: Equatable, Sendable {
    package enum Change: String, Sendable {
        /// The shard's records come to this reader from here on, from the checkpoint on.
        case assigned
        /// They go to another reader, or to none, or begin again further back.
        case revoked
        /// All of the shard's records were delivered; its children follow.
        case depleted
        /// The shard is to move to another reader, once this one has let it go; told to record processors alone.
        case leaving
        /// Everything of the shard was given out, and its end is to be confirmed; told to record processors alone.
        case ending
    }

    package let shard: ShardID
    package let change: Change
}

/// What a reader should know although its stream goes on: the event `problem`.
package enum ReaderProblem: Hashable, Sendable {
    /// The Last-Event-ID is none that this consumer's log knows. Reading goes on at these places.
    case lastEventUnknown(String, places: [ShardPlace])
    /// A tail's client has named a Last-Event-ID, but a tail has none, and keeps nothing. Its reading begins at these places.
    case lastEventOfTail(String, places: [ShardPlace])
    /// Events after the Last-Event-ID are not in the log any more; those that are come again.
    case lastEventTooOld(EventID, places: [ShardPlace])
    /// The log cannot be asked: what the former connection may not have read comes again.
    case logUnreadable(EventID, StateError, places: [ShardPlace])
    /// The delivery log cannot be written, and why, while the group goes on without it.
    case deliveryLogOff(reason: String)
    /// It is written again.
    case deliveryLogOn
    /// The service refuses or fails for the shard, and is asked again.
    case shardDegraded(ShardID, reason: String)
    /// The service does not know the shard's checkpoint: records behind it may be lost, and others come again.
    case checkpointRefused(ShardID, was: StartingPosition, now: StartingPosition)
    /// The shard is no longer in its stream; what was not read of it is lost.
    case shardLost(ShardID)
    /// The stream was deleted and made again under its name; records of the new one come from here on. With the creation
    /// times.
    case streamRecreated(was: WallTime, now: WallTime, from: InitialPosition)

    /// The shard that it is about, nil when it is about none.
    package var shard: ShardID? {
        switch self {
        case .lastEventUnknown, .lastEventOfTail, .lastEventTooOld, .logUnreadable, .deliveryLogOff, .deliveryLogOn,
            .streamRecreated:
            nil
        case .shardDegraded(let shard, _), .checkpointRefused(let shard, _, _), .shardLost(let shard): shard
        }
    }
}

extension ReaderProblem {
    /// Whether it says that the delivery log has come or gone.
    fileprivate var isOfLog: Bool {
        switch self {
        case .deliveryLogOff, .deliveryLogOn: true
        default: false
        }
    }
}

/// Where reading one shard goes on.
package struct ShardPlace: Hashable, Sendable {
    package let shard: ShardID
    package let position: StartingPosition
}

/// What a reader is to be told beside records and has not taken yet. Performs no I/O.
///
/// Of each shard at most four notices and one problem wait, and one of the delivery log, however long the reader takes
/// nothing.
struct NoticeQueue {
    private var notices: [ShardNotice] = []
    private var problems: [ReaderProblem] = []

    var isEmpty: Bool { notices.isEmpty && problems.isEmpty }

    /// Whether the reader is still to hear that the shard came or went.
    func tellsOfChange(of shard: ShardID) -> Bool {
        notices.contains { notice in
            guard notice.shard == shard else { return false }
            switch notice.change {
            case .assigned, .revoked, .depleted: return true
            case .leaving, .ending: return false
            }
        }
    }

    /// A shard that goes before the reader heard that it came is not spoken of at all.
    mutating func append(_ notice: ShardNotice) {
        let isGone = notice.change == .revoked || notice.change == .depleted
        if isGone { notices.removeAll { $0.shard == notice.shard && ($0.change == .leaving || $0.change == .ending) } }
        if isGone, let index = notices.lastIndex(where: { $0.shard == notice.shard && $0.change == .assigned }) {
            notices.remove(at: index)
            if notice.change == .revoked { return }
        }
        if notices.last(where: { $0.shard == notice.shard }) == notice { return }
        notices.append(notice)
    }

    /// Of two problems of a shard the later one counts. A trouble of the delivery log that is over before the reader heard
    /// of it is not spoken of at all, and nor is an end that another trouble has followed.
    mutating func append(_ problem: ReaderProblem) {
        if problem.isOfLog, let index = problems.firstIndex(where: \.isOfLog) {
            problems.remove(at: index)
            return
        }
        if let shard = problem.shard { problems.removeAll { $0.shard == shard } }
        problems.append(problem)
    }

    mutating func popFirst() -> ReaderEvent? {
        if !notices.isEmpty { return .shard(notices.removeFirst()) }
        return problems.isEmpty ? nil : .problem(problems.removeFirst())
    }

    mutating func removeAll() {
        notices.removeAll()
        problems.removeAll()
    }
}
