import AWS
import Bytes
import HTTP
import HTTPServer
import JSON
import Kinesis
import Reactor
import Time

/// One request of the JSON 1.1 protocol, or of its sister in CBOR: checks, dispatch, and the answer or error as the service writes them.
final class RequestHandler: HTTPHandler, @unchecked Sendable {
    private enum Answer {
        case body(ByteBuffer)
        case subscription(ShardSubscription, FrameFaults)
        /// A test has ordered that the connection is cut.
        case cut
    }

    private static let targetPrefix = "Kinesis_20131202."

    private let service: KinesisService
    private let policy: OriginPolicy
    private let verifier = SignatureVerifier(
        secrets: [Credentials.local.accessKeyID: Credentials.local.secretAccessKey], unknownKeys: .accept)

    init(_ service: KinesisService) {
        self.service = service
        policy = OriginPolicy(allowedHosts: service.configuration.allowedHosts)
    }

    func handle(_ exchange: HTTPExchange) async {
        let requestID = RequestID.next()
        do throws(ServiceFault) {
            switch try await answer(exchange) {
            case .body(let body): await exchange.respond(.ok, headers: Self.headers(exchange, requestID), body: body)
            case .subscription(let subscription, var faults):
                await send(subscription, &faults, exchange, requestID)
            case .cut: exchange.abort()
            }
        } catch {
            await respond(error, exchange, requestID)
        }
    }

    private func answer(_ exchange: HTTPExchange) async throws(ServiceFault) -> Answer {
        if let refusal = policy.check(exchange.request) {
            throw ServiceFault(code: "AccessDeniedException", message: "\(refusal)", status: refusal.status)
        }
        let body = try await Self.body(of: exchange)
        switch exchange.request.path {
        case "/_faults": return .body(try orderFaults(exchange.request.method, body))
        case "/_subscriptions": return .body(try listSubscriptions(exchange.request.method))
        default: break
        }
        let format = try checkForm(exchange.request)
        try await verify(exchange, body)
        let operation = try Self.operation(exchange.request)
        if operation == Operation.subscribeToShard.rawValue {
            return try await service.subscribeToShard(body, as: format).map(Answer.subscription) ?? .cut
        }
        return try await service.respond(to: operation, body, as: format).map(Answer.body) ?? .cut
    }

    private static func body(of exchange: HTTPExchange) async throws(ServiceFault) -> ByteBuffer {
        do throws(HTTPBodyError) {
            let body = try await exchange.body()
            // As the service does, the embedded one takes what its clients send; they bound how much that is.
            exchange.releaseBody()
            return body
        } catch {
            throw ServiceFault(code: "SerializationException", message: "\(error)", status: error.status)
        }
    }

    private func checkForm(_ request: HTTPRequest) throws(ServiceFault) -> WireFormat {
        guard request.method == .post, request.path == "/" else {
            throw ServiceFault(
                code: "UnknownOperationException",
                message: "This is the embedded Kinesis of kinesis-sidecar: it answers POST / of an AWS client.",
                status: request.path == "/" ? .methodNotAllowed : .notFound)
        }
        guard let format = request.contentType.flatMap(WireFormat.init(contentType:)) else {
            throw ServiceFault(
                code: "UnsupportedMediaTypeException",
                message: "Content-Type must be \(WireFormat.json.contentType) or \(WireFormat.cbor.contentType).",
                status: .unsupportedMediaType)
        }
        return format
    }

    private func verify(_ exchange: HTTPExchange, _ body: ByteBuffer) async throws(ServiceFault) {
        let hash = await Digest.sha256(body, on: exchange.loop)
        let request = exchange.request
        let signed = SignatureVerifier.Request(
            method: request.method.text, path: request.path, query: request.query, bodyHash: hash
        ) { request.headerValues($0 == ":authority" ? "host" : $0) }
        do throws(SignatureError) {
            _ = try verifier.verify(signed, now: .now())
        } catch {
            throw ServiceFault(code: error.code, message: error.message, status: .forbidden)
        }
    }

    private static func operation(_ request: HTTPRequest) throws(ServiceFault) -> String {
        let target = request.header("x-amz-target") ?? ""
        guard target.hasPrefix(targetPrefix) else {
            throw .unknownOperation(
                target.isEmpty
                    ? "X-Amz-Target is missing." : "The embedded Kinesis does not know the operation \(target).")
        }
        return String(target.dropFirst(targetPrefix.count))
    }

    // MARK: Beside the service's protocol

    private func orderFaults(_ method: HTTPMethod, _ body: ByteBuffer) throws(ServiceFault) -> ByteBuffer {
        switch method {
        case .delete: service.faults.clear()
        case .post:
            guard let json = try? JSONParser.parse(body.bytes) else { throw .validation("A fault is a JSON object.") }
            service.faults.order(try FaultPlan.Fault(json))
        default:
            throw ServiceFault(code: "MethodNotAllowed", message: "Use POST or DELETE.", status: .methodNotAllowed)
        }
        return ByteBuffer("{}")
    }

    private func listSubscriptions(_ method: HTTPMethod) throws(ServiceFault) -> ByteBuffer {
        guard method == .get else {
            throw ServiceFault(code: "MethodNotAllowed", message: "Use GET.", status: .methodNotAllowed)
        }
        return service.subscriptions.list()
    }

    // MARK: Answers

    /// The request's; JSON where it has none of the two.
    private static func format(_ request: HTTPRequest) -> WireFormat {
        request.contentType.flatMap(WireFormat.init(contentType:)) ?? .json
    }

    private static func headers(_ exchange: HTTPExchange, _ requestID: String) -> HTTPHeaders {
        ["Content-Type": format(exchange.request).contentType, "x-amzn-RequestId": requestID]
    }

    /// Sends what comes until the subscription or its client ends.
    private func send(
        _ subscription: ShardSubscription, _ faults: inout FrameFaults, _ exchange: HTTPExchange, _ requestID: String
    ) async {
        exchange.onDisconnect = { subscription.close() }
        defer { subscription.close() }
        do throws(ConnectionClosed) {
            let response = try await exchange.startStreaming(
                .ok,
                headers: ["Content-Type": "application/vnd.amazon.eventstream", "x-amzn-RequestId": requestID])
            while let message = await subscription.next() {
                switch faults.next(message) {
                case .write(let pieces): for piece in pieces { try await response.write([piece]) }
                case .cut(let pieces):
                    for piece in pieces { try await response.write([piece]) }
                    return response.abort()
                case .end(let pieces):
                    for piece in pieces { try await response.write([piece]) }
                    return await response.finish()
                case .fallSilent: while await subscription.next() != nil {}
                }
            }
            await response.finish()
        } catch { return }
    }

    private func respond(_ fault: ServiceFault, _ exchange: HTTPExchange, _ requestID: String) async {
        var headers = Self.headers(exchange, requestID)
        headers.add("x-amzn-ErrorType", fault.code)
        var answer = AnswerWriter(Self.format(exchange.request))
        answer.beginObject()
        answer.member("__type", fault.code)
        answer.member("message", fault.message)
        answer.endObject()
        await exchange.respond(fault.status, headers: headers, body: answer.buffer)
    }
}

/// The IDs under which answers are told apart: unique in a process.
private enum RequestID {
    static func next() -> String {
        Hex.encode(UInt128.random(in: 0 ... .max))
    }
}
