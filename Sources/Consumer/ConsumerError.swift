import AWS
import Kinesis
import State
import Time

/// Why a reader cannot be attached, or what is asked of a consumer cannot be done. Indirect: the frames of every call have
/// room for one.
package indirect enum ConsumerError: Error, Hashable, Sendable {
    /// The consumer runs with another value of an option that the request names.
    case conflictingOption(OptionConflict)
    /// The stream's ARN names another region than this one, which is asked.
    case otherRegion(String)
    /// `initialTimestamp` has not come yet; the service refuses such a moment.
    case initialTimestampAhead(WallTime)
    /// There is no such stream, and it may not be created.
    case streamMissing(StreamName)
    /// Somebody has stopped the consumer.
    case stopped
    /// The stream did not become usable in time.
    case streamNotReady(StreamName, status: String)
    /// The positions were not fixed by the caller's deadline, and nothing is known that stands in their way.
    case notPrepared
    /// The service refused or could not be reached, after all retries, or those until the caller's deadline.
    case service(AWSError)
    /// Enhanced fan-out cannot be had of the stream, and why.
    case fanOut(StreamName, String)
    /// The consumer's positions cannot be read or fixed.
    case state(StateError)
    /// The delivery log cannot be asked for the event, and why; nothing else knows what it carried.
    case logUnreadable(EventID, StateError)
    /// This process does not hold the consumer's shards: it was never started here, or has had no reader for
    /// `readerGracePeriod`.
    case shardsNotHeld
    /// The group's item cannot be read or written, and why.
    case group(String)
    /// Another member of the group has the shard.
    case leaseLost(ShardID, to: GroupMember?)
    case unknownShard(ShardID)
    /// The delivery log knows no such event of this consumer.
    case unknownEvent(EventID)
    /// The consumer moves its checkpoints itself.
    case checkpointsAreAutomatic
    /// The shard's checkpoint is further on already.
    case checkpointBehind(ShardID, held: Checkpoint)
    /// Nobody was sent anything behind `furthest` of the shard, nil: anything at all.
    case checkpointAhead(ShardID, furthest: Checkpoint?)
    /// What is acknowledged was sent before somebody put the shard elsewhere.
    case checkpointBeforeSeek(ShardID)
    /// The service knows no such number of the shard's records.
    case unknownSequenceNumber(ShardID, SequenceNumber)
    /// Nothing is kept of the group for the stream as it is now.
    case unknownGroup(String)
    /// A seek names a moment that has not come yet.
    case seekAhead(WallTime)
    /// Somebody reads shards who cannot be told that they go on elsewhere.
    case shardsHeldElsewhere([HeldShard])
    /// The group cannot be forgotten while somebody reads, or is about to.
    case hasReaders
    /// Configuration lists the consumer, which would begin anew.
    case configured
    /// `usePausedPolling` beside `useEnhancedFanOut`.
    case pausesWithFanOut
    /// The consumer runs without `usePausedPolling`.
    case pollingNeverPauses
    /// The process is ending.
    case shuttingDown
    /// The waiting task was cancelled.
    case cancelled
}

extension ConsumerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .otherRegion(let region): "the stream's ARN is of another region than \(region), which is asked"
        case .conflictingOption(let conflict):
            "the consumer runs with \(conflict.option)=\(conflict.held), not \(conflict.asked)"
        case .initialTimestampAhead(let moment): "initialTimestamp is \(moment.iso8601), which is still to come"
        case .stopped: "the consumer is stopped"
        case .streamMissing(let stream): "there is no stream \(stream)"
        case .streamNotReady(let stream, let status): "the stream \(stream) is \(status)"
        case .notPrepared: "the service has not answered everything that a reader needs"
        case .service(let error): error.description
        case .fanOut(let stream, let reason): "no consumer for enhanced fan-out of \(stream): \(reason)"
        case .state(let error): error.description
        case .logUnreadable(let event, let error): "the delivery log cannot be asked for \(event): \(error)"
        case .shardsNotHeld: "this process does not hold the consumer's shards"
        case .group(let reason): "the group's item cannot be read or written: \(reason)"
        case .leaseLost(let shard, let owner):
            "this process does not lease \(shard); \(owner.map { "\($0.host) (\($0.id)) does" } ?? "nobody does")"
        case .unknownShard(let shard): "the stream has no shard \(shard)"
        case .unknownEvent(let event): "the delivery log has no event \(event)"
        case .checkpointsAreAutomatic: "the consumer runs with useAutoCheckpoints"
        case .checkpointBehind(let shard, let held):
            "the checkpoint of \(shard) is at \(held.sequenceNumber) already"
        case .checkpointAhead(let shard, let furthest):
            "of \(shard) nothing was sent behind \(furthest?.sequenceNumber.text ?? "its beginning")"
        case .checkpointBeforeSeek(let shard): "what was sent of \(shard) before its last seek counts for nothing"
        case .unknownGroup(let group): "nothing is known of a group \(group) of the stream"
        case .seekAhead(let moment): "\(moment.iso8601) is still to come"
        case .shardsHeldElsewhere(let shards):
            "others read \(shards.map { "\($0.shard) (\($0.host))" }.joined(separator: ", "))"
        case .unknownSequenceNumber(let shard, let number): "no record of \(shard) has the sequence number \(number)"
        case .hasReaders: "the consumer has readers"
        case .configured: "configuration lists the consumer"
        case .pausesWithFanOut: "usePausedPolling does not go with useEnhancedFanOut: what is pushed does not wait"
        case .pollingNeverPauses: "the consumer runs without usePausedPolling"
        case .shuttingDown: "the sidecar is ending"
        case .cancelled: "cancelled"
        }
    }
}
