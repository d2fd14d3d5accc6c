/// Where reading a shard goes on: where an iterator begins, and what is left out of what it finds.
package struct ReadPosition: Hashable, Sendable {
    package let start: StartingPosition
    /// Records up to here are left out; of one that is done in part it is the part. nil: nothing is.
    package let skip: Checkpoint?

    /// - Parameter initial: where a shard without a checkpoint is begun.
    package init(behind checkpoint: Checkpoint?, initial: StartingPosition) {
        skip = checkpoint
        guard let checkpoint else {
            start = initial
            return
        }
        // What is done in part, or not at all, is read again.
        start =
            checkpoint.extent == .whole
            ? .afterSequenceNumber(checkpoint.sequenceNumber) : .atSequenceNumber(checkpoint.sequenceNumber)
    }
}

extension ReadPosition: CustomStringConvertible {
    package var description: String { "\(start)" }
}
