import Bytes

/// One request to a service of AWS, before it is signed: what differs between the services' protocols. Performs no I/O.
package struct AWSRequest: Sendable {
    package var method: TransportRequest.Method
    /// What is asked for behind the endpoint's path, beginning with a slash; empty for the endpoint's path itself. As it
    /// is meant: what may not stand in a path is percent-encoded when it is sent.
    package var path: String
    /// Names and values as they are meant, sent in this order.
    package var query: [(name: String, value: String)] = []
    package var contentType: String?
    /// The value of X-Amz-Target, with which the protocols without paths name the operation.
    package var target: String?
    /// The operation, where neither target nor path names it; for logs.
    package var operation: String?
    /// Whether credentials sign it; what is asked for them with a token of another kind goes without.
    package var isSigned = true
    /// Further headers, with names in lower case. They are signed too.
    package var headers: [(name: String, value: String)] = []
    /// Only POST and PUT have one. Nobody writes to it until the response is there.
    package var body: ByteBuffer?
    /// Of each attempt.
    package var timeout: Duration
    /// As in `TransportRequest`.
    package var isRepeatable = true
    /// As in `TransportRequest`.
    package var acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)?
    /// Codes of errors that whoever asks has a use for: they do not count as failures, and keep their bodies.
    package var expectedCodes: [String] = []

    package init(_ method: TransportRequest.Method, path: String = "", body: ByteBuffer? = nil, timeout: Duration) {
        precondition(path.isEmpty || path.hasPrefix("/"), "a path begins with a slash")
        self.method = method
        self.path = path
        self.body = body
        self.timeout = timeout
    }

    /// How logs call the request.
    package var name: String {
        target ?? operation ?? "\(method.rawValue) \(path)"
    }

    /// The operation alone, `PutRecords` say: one of few. Nil where only the path names it.
    var operationName: String? {
        guard let target else { return operation }
        return target.split(separator: ".").last.map(String.init)
    }

    /// The path as it is sent to `endpoint`.
    func sentPath(_ endpoint: Endpoint) -> String {
        guard !path.isEmpty else { return endpoint.path }
        let sent = ByteBuffer(capacity: endpoint.path.utf8.count + path.utf8.count)
        sent.append(endpoint.path)
        // The path brings its own slash.
        if endpoint.path.hasSuffix("/") { sent.setCount(sent.count - 1) }
        URIEncoding.append(path.utf8, to: sent, keepsSlash: true)
        return sent.text
    }

    /// The query as it is sent, nil where there is none.
    var sentQuery: String? {
        guard !query.isEmpty else { return nil }
        let sent = ByteBuffer()
        for (name, value) in query {
            if !sent.isEmpty { sent.append(UInt8(ascii: "&")) }
            URIEncoding.append(name.utf8, to: sent)
            sent.append(UInt8(ascii: "="))
            URIEncoding.append(value.utf8, to: sent)
        }
        return sent.text
    }
}
