import AWS
import Bytes
import HTTP
import HTTPServer
import JSON
import Reactor
import Time

/// One request of the JSON 1.1 protocol: checks, dispatch, and the answer or error as the service writes them.
final class RequestHandler: HTTPHandler, @unchecked Sendable {
    private static let contentType = "application/x-amz-json-1.1"
    private static let targetPrefix = "Kinesis_20131202."

    private let service: KinesisService
    private let policy = OriginPolicy()
    private let verifier = SignatureVerifier(
        secrets: [Credentials.local.accessKeyID: Credentials.local.secretAccessKey], unknownKeys: .accept)

    init(_ service: KinesisService) {
        self.service = service
    }

    func handle(_ exchange: HTTPExchange) async {
        let requestID = RequestID.next()
        do throws(ServiceFault) {
            guard let answer = try await answer(exchange) else { return exchange.abort() }
            await exchange.respond(.ok, headers: Self.headers(requestID), body: answer)
        } catch {
            await respond(error, exchange, requestID)
        }
    }

    /// The body of the answer; nil where a test has ordered that the connection is cut.
    private func answer(_ exchange: HTTPExchange) async throws(ServiceFault) -> ByteBuffer? {
        if let refusal = policy.check(exchange.request) {
            throw ServiceFault(code: "AccessDeniedException", message: "\(refusal)", status: refusal.status)
        }
        let body = try await Self.body(of: exchange)
        if exchange.request.path == "/_faults" { return try orderFaults(exchange.request.method, body) }
        try checkForm(exchange.request)
        try await verify(exchange, body)
        return try await service.respond(to: Self.operation(exchange.request), body)
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

    private func checkForm(_ request: HTTPRequest) throws(ServiceFault) {
        guard request.method == .post, request.path == "/" else {
            throw ServiceFault(
                code: "UnknownOperationException",
                message: "This is the embedded Kinesis of kinesis-sidecar: it answers POST / of an AWS client.",
                status: request.path == "/" ? .methodNotAllowed : .notFound)
        }
        let type = request.contentType ?? ""
        if type == Self.contentType || type == "application/json" { return }
        if Self.isCBOR(request) {
            throw ServiceFault(
                code: "UnsupportedMediaTypeException",
                message: "The embedded Kinesis speaks JSON, not CBOR. Switch CBOR off in the client: environment "
                    + "AWS_CBOR_DISABLE=1, or -Dcom.amazonaws.sdk.disableCbor=true or -Daws.cborEnabled=false in Java.",
                status: .unsupportedMediaType)
        }
        throw ServiceFault(
            code: "UnsupportedMediaTypeException", message: "Content-Type must be \(Self.contentType).",
            status: .unsupportedMediaType)
    }

    private func verify(_ exchange: HTTPExchange, _ body: ByteBuffer) async throws(ServiceFault) {
        let hash = await Digest.sha256(body, on: exchange.loop)
        let request = exchange.request
        let signed = SignatureVerifier.Request(
            method: request.method.text, path: request.path, query: request.query, bodyHash: hash
        ) { request.headerValues($0) }
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

    // MARK: Faults

    private func orderFaults(_ method: HTTPMethod, _ body: ByteBuffer) throws(ServiceFault) -> ByteBuffer? {
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

    // MARK: Answers

    private static func headers(_ requestID: String) -> HTTPHeaders {
        ["Content-Type": contentType, "x-amzn-RequestId": requestID]
    }

    private static func isCBOR(_ request: HTTPRequest) -> Bool {
        request.contentType == CBORFault.contentType
    }

    private func respond(_ fault: ServiceFault, _ exchange: HTTPExchange, _ requestID: String) async {
        var headers: HTTPHeaders = ["x-amzn-RequestId": requestID, "x-amzn-ErrorType": fault.code]
        // A client that speaks CBOR reads nothing else, whatever the content type says.
        let isCBOR = Self.isCBOR(exchange.request)
        headers.add("Content-Type", isCBOR ? CBORFault.contentType : Self.contentType)
        await exchange.respond(fault.status, headers: headers, body: isCBOR ? CBORFault.body(fault) : Self.json(fault))
    }

    private static func json(_ fault: ServiceFault) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("__type", fault.code)
        json.member("message", fault.message)
        json.endObject()
        return json.buffer
    }
}

/// The IDs under which answers are told apart: unique in a process.
private enum RequestID {
    static func next() -> String {
        Hex.encode(UInt128.random(in: 0 ... .max))
    }
}
