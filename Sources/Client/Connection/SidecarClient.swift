import AWS
import Bytes
import JSON

/// Requests to one sidecar. Confined to its loop.
final class SidecarClient: @unchecked Sendable {
    /// The sidecar itself ends a put after putTimeout (30 s), and a seek asks AWS of each shard.
    static let patience = Duration.seconds(120)

    let address: SidecarAddress
    private let transport: Transport
    private let token: String?

    init(_ transport: Transport, _ address: SidecarAddress, token: String?) {
        self.transport = transport
        self.address = address
        self.token = token
    }

    /// A path whose parts are percent-encoded: a stream may be an ARN.
    static func path(_ parts: String...) -> String {
        parts.reduce(into: "") { path, part in path += "/" + encoded(part) }
    }

    /// `?a=1&b=2` without the question mark; nil without items.
    static func query(_ items: [(name: String, value: String?)]) -> String? {
        let pairs = items.compactMap { item in item.value.map { "\(item.name)=\(encoded($0))" } }
        return pairs.isEmpty ? nil : pairs.joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        let buffer = ByteBuffer()
        URIEncoding.append(text.utf8, to: buffer)
        return buffer.text
    }

    // MARK: Whole responses

    /// Any status; see `accepted`.
    func send(
        _ path: String, method: TransportRequest.Method = .get, query: String? = nil, body: ByteBuffer? = nil,
        type: String = "application/json", timeout: Duration = SidecarClient.patience
    ) async throws(ClientError) -> TransportResponse {
        var request = request(method, path, query, timeout: timeout)
        if let body {
            request.headers.append(("Content-Type", type))
            request.body = body
            // A put that is sent twice is two records.
            request.isRepeatable = false
        }
        do {
            return try await transport.send(request)
        } catch {
            throw .transport(error, address)
        }
    }

    /// The body of a success.
    /// - Throws: `.refused` for any other status.
    static func accepted(_ response: TransportResponse) throws(ClientError) -> ByteBuffer {
        guard response.head.isSuccess else {
            throw .refused(ClientError.Refusal(status: response.status, body: response.body.text))
        }
        return response.body
    }

    /// The JSON of a response.
    func json(_ body: ByteBuffer) throws(ClientError) -> JSONValue {
        do {
            return try JSONParser.parse(body)
        } catch {
            throw .unexpected("what is no JSON", address)
        }
    }

    // MARK: Streams

    /// A response that is read while it comes, and its head.
    func open(
        _ path: String, query: String?, headers: [(name: String, value: String)]
    ) async throws(ClientError) -> ResponseStream {
        var request = request(.get, path, query, timeout: Self.patience)
        request.headers += headers
        let opening: TransportOpening
        do {
            opening = try await transport.stream(request)
        } catch {
            throw .transport(error, address)
        }
        switch opening {
        case .stream(let stream): return stream
        case .response(let response):
            throw .refused(ClientError.Refusal(status: response.status, body: response.body.text))
        }
    }

    private func request(
        _ method: TransportRequest.Method, _ path: String, _ query: String?, timeout: Duration
    ) -> TransportRequest {
        var request = TransportRequest(method: method, endpoint: address.endpoint, timeout: timeout)
        request.path = address.path(path)
        request.query = query
        if let token { request.headers.append(("Authorization", "Bearer \(token)")) }
        return request
    }
}
