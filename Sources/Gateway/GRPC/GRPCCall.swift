import Bytes
import HTTP
import HTTPServer
import Protobuf
import Reactor

/// One call of gRPC: its messages in and out, and its end. Confined to its loop.
final class GRPCCall: @unchecked Sendable {
    static let headers: HTTPHeaders = ["Content-Type": "application/grpc"]
    /// A client whose coding is refused looks for the one that is taken.
    static let refusalHeaders: HTTPHeaders = headers + ["grpc-accept-encoding": GRPCHead.encoding]

    let exchange: HTTPExchange
    let head: GRPCHead
    /// Who calls, and may use the method's verb on some streams at least.
    let principal: Principal
    /// When the client gives up; nil: never.
    let deadline: EventLoop.Instant?
    private let gateway: Gateway
    /// Bytes of one request.
    private let limit: Int
    private var input: MessageSplitter

    init(_ exchange: HTTPExchange, _ head: GRPCHead, _ principal: Principal, of gateway: Gateway) {
        self.exchange = exchange
        self.head = head
        self.principal = principal
        self.gateway = gateway
        deadline = head.timeout.map { exchange.loop.now + $0 }
        limit = min(exchange.bodyLimit, head.method.mostRequestBytes ?? .max)
        input = MessageSplitter(limit: limit)
    }

    // MARK: Requests

    /// The one request of a method that takes one. It counts once the client has ended its requests: only then is it known to be
    /// the only one.
    func request() async throws(Problem) -> ProtobufReader {
        if let body = exchange.arrivedBody(limit: limit + MessageSplitter.prefixBytes) {
            input.append(body)
            if let message = try arrived() {
                guard input.isEmpty else { throw .grpc(try arrived() == nil ? .truncated : .secondMessage) }
                return message
            }
        }
        return try await untilEnd { () async throws(Problem) in
            guard let message = try await next() else { throw .grpc(.noMessage) }
            guard try await next() == nil else { throw .grpc(.secondMessage) }
            return message
        }
    }

    /// The first request of several; nil where there is none.
    func first() async throws(Problem) -> ProtobufReader? {
        try await untilEnd { () async throws(Problem) in try await next() }
    }

    /// What `read` gives. The process's end does not wait for a client that says nothing meanwhile.
    private func untilEnd<Value>(_ read: () async throws(Problem) -> Value) async throws(Problem) -> Value {
        gateway.endless[ObjectIdentifier(self)] = { [self] in
            if input.isEmpty { exchange.abandonBody() }
        }
        defer { gateway.endless[ObjectIdentifier(self)] = nil }
        return try await read()
    }

    /// The next request; nil where the client has ended them.
    /// - Parameter isPatient: whether the client may say nothing for long between two requests.
    func next(isPatient: Bool = false) async throws(Problem) -> ProtobufReader? {
        while true {
            if let message = try arrived() { return message }
            guard try await read(isPatient: isPatient) else { return nil }
        }
    }

    /// The next request where it has come; nil where more must be read.
    func arrived() throws(Problem) -> ProtobufReader? {
        do throws(GRPCFault) { return try input.next() } catch { throw .grpc(error) }
    }

    /// Reads on; false at the end. The memory of a request that is not complete counts among the bodies'.
    func read(isPatient: Bool) async throws(Problem) -> Bool {
        do throws(HTTPBodyError) {
            guard let part = try await exchange.bodyPart(isPatient: isPatient && input.isEmpty) else {
                if input.isEmpty { return false }
                throw HTTPBodyError.truncated
            }
            input.append(part)
            try exchange.holdBody(input.heldBytes)
            return true
        } catch {
            switch error {
            case .truncated: throw .grpc(.truncated)
            case .abandoned where gateway.stage == .ending: throw .draining
            default: throw .body(error)
            }
        }
    }

    // MARK: Responses

    /// Ends a unary call.
    func respond(_ message: ByteBuffer) async {
        await exchange.respond(
            .ok, headers: Self.headers, body: MessageSplitter.framed(message),
            trailers: GRPCStatus.ok)
    }

    /// Begins an answer of many messages.
    func begin() async throws(ConnectionClosed) -> ResponseStream {
        try await exchange.startStreaming(.ok, headers: Self.headers, peerMayHalfClose: true)
    }
}
