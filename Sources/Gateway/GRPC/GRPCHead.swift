import Bytes
import HTTP

/// What the head of a call of gRPC says. Performs no I/O.
/// Source: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md, "Requests".
struct GRPCHead {
    /// The one coding of messages.
    static let encoding = "identity"
    private static let type = "application/grpc"

    let method: GRPCMethod
    /// How long the client waits; nil: without end.
    let timeout: Duration?

    /// Whether a request is a call of gRPC. gRPC-Web is something else.
    static func isCall(_ request: HTTPRequest) -> Bool {
        guard let type = request.contentType, type.hasPrefix(Self.type) else { return false }
        return type.utf8.count == Self.type.utf8.count || type.dropFirst(Self.type.count).first == "+"
    }

    init(_ request: HTTPRequest, carriesTrailers: Bool) throws(Problem) {
        guard carriesTrailers else { throw .grpc(.needsHTTP2) }
        guard request.method == .post else { throw .grpc(.notPost(method: request.method.text)) }
        let type = request.contentType ?? ""
        guard [Self.type, Self.type + "+proto"].contains(type) else { throw .grpc(.unsupportedType(type)) }
        if let coding = request.header("grpc-encoding"), coding != Self.encoding { throw .grpc(.compressed(coding)) }
        timeout = try request.header("grpc-timeout").map(Self.duration)
        guard let method = GRPCMethod.at(request.path) else {
            throw .grpc(.unknownMethod(path: request.path))
        }
        self.method = method
    }

    static func duration(_ text: String) throws(Problem) -> Duration {
        let digits = text.utf8.dropLast()
        guard (1...8).contains(digits.count), digits.allSatisfy(\.isDigit), let value = Int64(text.dropLast()) else {
            throw .grpc(.badTimeout(text))
        }
        switch text.last {
        case "H": return .seconds(value * 3600)
        case "M": return .seconds(value * 60)
        case "S": return .seconds(value)
        case "m": return .milliseconds(value)
        case "u": return .microseconds(value)
        case "n": return .nanoseconds(value)
        default: throw .grpc(.badTimeout(text))
        }
    }
}
