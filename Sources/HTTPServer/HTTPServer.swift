import Bytes
import HTTP
import Logging
import Reactor

package final class HTTPServer: @unchecked Sendable {
    package init(loop: EventLoop, limits: HTTPLimits, handler: any HTTPHandler, logger: Logger) {}
    /// What a refused request is answered with; by default its problem document.
    package var onBadRequest: (RefusedRequest) -> (headers: HTTPHeaders, body: ByteBuffer) = {
        (["Content-Type": "application/problem+json"], $0.problem)
    }
    package func listen(_ address: ListenAddress) throws(SystemError) -> ListenAddress { fatalError("in progress") }
    package func stopAccepting() { fatalError("in progress") }
    package func drain(deadline: EventLoop.Instant) async { fatalError("in progress") }
    package func closeAll() { fatalError("in progress") }
    package var connectionCount: Int { fatalError("in progress") }
    package var requestCount: Int { fatalError("in progress") }
}
