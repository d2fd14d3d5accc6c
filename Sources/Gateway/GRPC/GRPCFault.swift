import Protobuf

/// What is wrong with a call of gRPC itself, before anybody looks at what it asks for.
package enum GRPCFault: Error, Equatable, Sendable {
    /// The request came over HTTP/1.1.
    case needsHTTP2
    case notPost(method: String)
    /// Another subtype than Protobuf's.
    case unsupportedType(String)
    case unknownMethod(path: String)
    /// The value of grpc-encoding.
    case compressed(String)
    /// A message says that it is compressed, the call does not say how.
    case flagged(UInt8)
    case badTimeout(String)
    case messageTooLarge(limit: Int, actual: Int)
    /// The requests end inside a message.
    case truncated
    /// The requests end before the one that the method needs.
    case noMessage
    /// Of a method that takes one request there is another.
    case secondMessage
    case malformed(ProtobufError)
    /// The first request is not the one that a call begins with, or it comes again.
    case outOfOrder(expected: String)
    case deadlinePassed
    /// Health of a service that is not one of ours.
    case unknownService(String)
}

extension GRPCFault {
    var document: ProblemDocument {
        switch self {
        case .needsHTTP2:
            ProblemDocument(
                .unsupportedVersion,
                "gRPC needs HTTP/2, and this request came over HTTP/1.1: connect by prior knowledge, or over TLS with ALPN h2."
            )
        case .notPost(let method):
            ProblemDocument(.methodNotAllowed, "A call of gRPC is a POST, this one is a \(method).")
        case .unsupportedType(let type):
            ProblemDocument(
                .unsupportedMediaType,
                "Content-Type is \"\(type)\"; taken are application/grpc and application/grpc+proto.")
        case .unknownMethod(let path):
            ProblemDocument(
                .unknownRoute,
                "There is no method \(path); proto/kinesis_sidecar/v1/sidecar.proto and reflection have them."
            )
        case .compressed(let coding):
            ProblemDocument(.unsupportedContentCoding, "grpc-encoding is \"\(coding)\"; taken is identity.")
                .with("accepted", .strings([GRPCHead.encoding]))
        case .flagged(let flag):
            ProblemDocument(
                .malformedMessage, "A message has the flag \(flag), and grpc-encoding is identity; the flag must be 0.")
        case .badTimeout(let text):
            ProblemDocument(
                .malformedRequest, "grpc-timeout is \"\(text)\"; it must be 1 to 8 digits and one of H, M, S, m, u, n.")
        case .messageTooLarge(let limit, let actual):
            ProblemDocument(.bodyTooLarge, "The message is \(actual) bytes; at most \(limit) bytes are taken.")
                .with("limit", .int(limit))
        case .truncated: ProblemDocument(.malformedMessage, "The requests stop inside a message.")
        case .noMessage: ProblemDocument(.wrongMessageCount, "The method takes one message, and the call has none.")
        case .secondMessage: ProblemDocument(.wrongMessageCount, "The method takes one message, and the call has more.")
        case .malformed(let error):
            ProblemDocument(.malformedMessage, "The message is not the Protobuf that it should be: \(error).")
        case .outOfOrder(let expected): ProblemDocument(.malformedMessage, "Expected is \(expected).")
        case .unknownService(let name):
            ProblemDocument(
                .unknownService, "There is no service \"\(name)\"; known is kinesis_sidecar.v1.KinesisSidecar, or none."
            )
        case .deadlinePassed:
            ProblemDocument(
                .deadlineExceeded,
                "The time that the client gave the call has passed; what was asked for may still be done.")
        }
    }
}
