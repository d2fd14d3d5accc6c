import Bytes
import CCurl
import Reactor

/// HTTP requests over libcurl's multi interface, driven by the loop: connections are reused, nothing blocks.
///
/// Confined to its loop.
package final class Transport: @unchecked Sendable {
    package struct Options: Sendable {
        /// A file of PEM certificates that is trusted instead of the system's; nil: the system's.
        package var certificateFile: String?
        /// Time to a connection, TLS included.
        package var connectTimeout = Duration.seconds(5)
        /// Time without a byte in either direction. Whole seconds; at least 1.
        package var progressTimeout = Duration.seconds(30)
        /// Connections to one host at a time; what is over waits, within its own time-out.
        package var connectionsPerHost = 256
        /// Idle connections that are kept.
        package var idleConnections = 64
        package var environment = Environment.process

        package init() {}
    }

    package let loop: EventLoop

    package init(loop: EventLoop, options: Options = Options()) {
        self.loop = loop
    }

    /// Sends a request and waits for the whole answer. Cancelling the task removes the transfer at once.
    package func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        fatalError("in progress")
    }

    /// Cuts every transfer (they throw `.closed`) and closes every connection.
    package func close() {
        fatalError("in progress")
    }
}
