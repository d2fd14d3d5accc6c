import Bytes
import Logging
import Reactor
import Time

/// One service of AWS over its JSON 1.1 protocol: signs, sends, retries, corrects the clock, refreshes credentials.
///
/// Confined to its loop.
package final class AWSClient: @unchecked Sendable {
    package let service: String
    package let region: Region
    package let endpoint: Endpoint
    package var loop: EventLoop { transport.loop }

    /// When the last answer came, errors of the service included.
    package private(set) var lastAnswer: WallTime?
    /// The failures of the last five minutes.
    package private(set) var recentExceptions = RecentExceptions()
    /// Called with the target when a request has been handed to the transport: the added-latency benchmark's hook.
    package var onRequestStarted: ((String) -> Void)?

    private let transport: Transport

    package init(
        service: String, region: Region, endpoint: Endpoint, credentials: CredentialsChain, transport: Transport,
        retry: RetryPolicy = .default, userAgent: String = "kinesis-sidecar", logger: Logger
    ) {
        self.service = service
        self.region = region
        self.endpoint = endpoint
        self.transport = transport
    }

    /// Calls an operation, e.g. target `Kinesis_20131202.ListShards`, and returns the body of its 200.
    /// - Parameters:
    ///   - timeout: of each attempt.
    ///   - retry: nil leaves every retry but those for a skewed clock and for stale credentials to the caller.
    package func call(target: String, body: ByteBuffer, timeout: Duration, retry: RetryPolicy?)
        async throws(AWSError) -> ByteBuffer
    {
        fatalError("in progress")
    }
}
