import Kinesis
import State

// MARK: What clients say of what they have done with

extension ReadingSession {
    /// Whether acknowledging the event counts for a shard of which its reader was last sent the event with that number. Not
    /// where the shard was taken from the reader since, or began again: then it is on its way to another reader, or once
    /// more, and who was told so need not have kept it.
    func stands(_ number: Int, of shard: ShardID, upTo event: EventID) -> Bool {
        if let task = task(of: shard) {
            guard number != event.number else { return true }
            if task.reader.id == event.reader { return number >= task.firstNumber }
            return readers[event.reader] == nil && !task.hasOffered
        }
        // A shard that waits for its parent, which is being read again, begins at its own beginning.
        return positions.book.shard(shard)?.isDepleted ?? false || positions.book.isReadable(shard)
    }

    /// A client has moved the shard's checkpoint forward.
    func acknowledged(_ shard: ShardID, _ checkpoint: Checkpoint) {
        guard let task = task(of: shard) else { return }
        if task.deliveredProgress < .through(checkpoint) {
            // Over what is still to be sent: that is not wanted any more.
            wasReset([shard])
        } else {
            task.acknowledged(checkpoint)
            releaseIfDone(shard)
        }
    }

    /// The shard's pause is over. Returns the shard, nil when it does not pause.
    func goOn(_ shard: ShardID) -> ShardID? {
        guard let task = task(of: shard), task.continued(behind: nil) else { return nil }
        releaseIfDone(shard)
        return shard
    }

    /// The pause behind this event is over. Returns its shard, nil when none pauses there.
    func goOn(behind event: EventID) -> ShardID? {
        guard let shard = readings.first(where: { $0.value.task.continued(behind: event) })?.key else { return nil }
        releaseIfDone(shard)
        return shard
    }
}
