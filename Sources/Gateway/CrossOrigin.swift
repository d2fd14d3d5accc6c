import HTTP

/// What a browser has to hear before a page of another origin may read an answer (WHATWG Fetch, 3.3): the pages are those
/// of `allowedOrigins`. Performs no I/O.
enum CrossOrigin {
    /// Fields of every answer to a page of this origin.
    static func fields(for origin: String) -> HTTPHeaders {
        [
            "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
            "Vary": "Origin",
        ]
    }

    /// Whether the browser asks first whether the page may send what it wants to.
    static func isPreflight(_ request: HTTPRequest) -> Bool {
        request.method == .options && request.header("access-control-request-method") != nil
    }

    /// What the page may send to a route of these methods, for ten minutes.
    static func permission(_ methods: [HTTPMethod]) -> HTTPHeaders {
        [
            "Access-Control-Allow-Methods": methods.map(\.text).joined(separator: ", "),
            "Access-Control-Allow-Headers": "Accept, Authorization, Content-Encoding, Content-Type, Last-Event-ID, "
                + "Traceparent, X-Request-Id",
            // A public page that asks a private address (https://wicg.github.io/private-network-access).
            "Access-Control-Allow-Private-Network": "true",
            "Access-Control-Max-Age": "600",
        ]
    }
}
