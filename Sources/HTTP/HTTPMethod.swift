/// The method of a request (RFC 9110, 9). Methods are case-sensitive.
package enum HTTPMethod: Hashable, Sendable {
    case get, head, post, put, delete, options, patch, connect, trace
    /// A token that RFC 9110 does not name; the routes answer it with 405 or 501.
    case other(String)

    package init(_ text: String) {
        self = Self.known[text] ?? .other(text)
    }

    /// The method as the request line has it.
    package var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other(let text): text
        }
    }

    /// The bytes are a token already. The two methods of the hot paths are told apart without a String.
    init(token: UnsafeRawBufferPointer) {
        switch token.count {
        case 3 where ASCII.equals(token, "GET"): self = .get
        case 4 where ASCII.equals(token, "POST"): self = .post
        default: self.init(String(decoding: token, as: UTF8.self))
        }
    }

    private static let known: [String: HTTPMethod] = [
        "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "OPTIONS": .options,
        "PATCH": .patch, "CONNECT": .connect, "TRACE": .trace,
    ]
}
