import Consumer
import Kinesis

/// One application of record processors, as configuration says it: the program that each child runs, what it reads, and how
/// patient the sidecar is with it. Performs no I/O.
package struct ProcessorOptions: Equatable, Sendable {
    /// `maxEventBytes` where nobody says another: what one turn of the loop encodes, and no reader's buffer has to hold.
    package static let batchBytes = 256 << 10

    /// The program, looked for in PATH where it has no slash, and its arguments. Not empty.
    package var command: [String]
    package var stream: StreamName
    /// The consumer's options as they were named. Checkpoints are never automatic, whatever stands here.
    package var options: NamedOptions
    /// How long a child may take for the answer to one action; nil: for ever (`timeoutInSeconds`).
    package var timeout: Duration?
    /// What the children have at the end for their last checkpoints (`shutdownGraceMillis`); zero: they are not asked.
    package var shutdownGrace = Duration.seconds(5)
    /// After so many children in a row that failed the shard is given up for a while. At least 0.
    package var maxChildRestarts = 5
    /// Whether a child that has nothing to do is given an empty batch now and then
    /// (`callProcessRecordsEvenForEmptyRecordList`).
    package var callsForEmptyBatches = false

    package init(command: [String], stream: StreamName, options: NamedOptions = NamedOptions()) {
        self.command = command
        self.stream = stream
        self.options = options
    }
}
