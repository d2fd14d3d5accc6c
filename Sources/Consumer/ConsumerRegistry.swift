import Kinesis
import Logging
import Reactor
import State

/// The consumers of this process: one per stream and group.
///
/// Confined to its loop.
package final class ConsumerRegistry: @unchecked Sendable {
    package init(
        loop: EventLoop, source: any StreamSource, state: StateStore, settings: EngineSettings, logger: Logger
    ) {
        fatalError("in progress")
    }

    /// Starts a consumer that configuration lists, in the background: its LATEST positions are fixed as soon as the
    /// service answers, and its options are kept as long as the process lives.
    package func start(_ stream: StreamName, _ options: NamedOptions) { fatalError("in progress") }

    /// Makes a reader of the consumer that stream and group name; starts the consumer where nobody has. Positions
    /// are fixed and stored when this returns: what is put from now on reaches the reader.
    package func attach(_ stream: StreamName, _ options: NamedOptions) async throws(ConsumerError) -> RecordsReader {
        fatalError("in progress")
    }

    /// All consumers, by stream and group.
    package var snapshots: [ConsumerSnapshot] { fatalError("in progress") }

    /// Ends every reader (`next` gives nil), waits until `deadline` for what they still settle, and commits the last
    /// checkpoints. No reader is attached from here on.
    package func shutDown(deadline: ContinuousClock.Instant) async { fatalError("in progress") }
}

/// What configuration decides for all consumers of the process.
package struct EngineSettings: Sendable {
    /// Options that hold where a consumer's own entry or request names no other.
    package var defaults = ConsumerOptions()
    /// Bytes of answers and events that the process holds at most. 1 MiB or more; design section 6.
    package var maxBufferedBytes = 64 << 20
    /// Whether a stream that only a URL names may be created: `--local`, or where configuration says so.
    package var createsUnlistedStreams = false

    package init() {}
}
