import Kinesis
import State

// MARK: What clients say of what they have done with

extension ReadingSession {
    /// Whether acknowledging the event counts for a shard of which its reader was last sent the event with that number. Not
    /// where the shard was taken from the reader since, or began again: then it is on its way to another reader, or once
    /// more, and who was told so need not have kept it.
    func stands(_ number: Int, of shard: ShardID, upTo event: EventID) -> Bool {
        guard number != event.number, let task = tasks[shard] else { return true }
        if task.reader.id == event.reader { return number >= task.firstNumber }
        return readers[event.reader] == nil && !task.hasOffered
    }

    /// A client has moved the shard's checkpoint forward.
    func acknowledged(_ shard: ShardID, _ checkpoint: Checkpoint) {
        if let last = unacknowledged[shard], last <= checkpoint { unacknowledged[shard] = nil }
        guard let task = tasks[shard] else { return }
        if task.deliveredProgress < .through(checkpoint) {
            // Over what is still to be sent: that is not wanted any more.
            wasReset(shard)
        } else {
            task.acknowledged(checkpoint)
            if leaving[shard] != nil, task.isDone { handOver(shard) }
        }
    }

    /// The shard's checkpoint is somewhere else now: reading begins there.
    func wasReset(_ shard: ShardID) {
        takeAway(shard)
        divideReadable()
    }

    func goOn(_ shard: ShardID) -> ShardID? {
        guard let task = tasks[shard], task.continued(behind: nil) else { return nil }
        return wentOn(shard, task)
    }

    func goOn(behind event: EventID) -> ShardID? {
        guard
            let (shard, task) = tasks.first(where: { $0.value.continued(behind: event) })
        else { return nil }
        return wentOn(shard, task)
    }

    /// A shard that is to move does so now.
    private func wentOn(_ shard: ShardID, _ task: ShardTask) -> ShardID {
        if leaving[shard] != nil, task.isDone { handOver(shard) }
        return shard
    }
}
