import Bytes

/// How a service writes operations as requests, and its errors as responses. Performs no I/O.
///
/// A protocol of AWS is a case here: it makes an `AWSRequest` of an operation and a `ServiceError` of a response that is no
/// success. Methods, paths, queries and further headers have their places in `AWSRequest`.
package enum ServiceProtocol: Hashable, Sendable {
    /// AWS JSON: each operation is a POST to the endpoint's path, and X-Amz-Target names it.
    /// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html, and aws-json-1_0-protocol.html there.
    case json(JSONVersion)
    /// AWS query: each operation is a POST of a form, which names it (`FormBody`), and answers in XML.
    /// Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
    case query

    /// REST with XML: an operation is a method and a path, errors are XML. S3's: the payload's hash is a header, and the path is
    /// signed as it is sent.
    /// Source: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html, and
    /// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    case s3

    package enum JSONVersion: String, Sendable {
        case v1_0 = "application/x-amz-json-1.0"
        case v1_1 = "application/x-amz-json-1.1"

        /// What requests and responses say of their bodies.
        package var contentType: String { rawValue }
    }

    /// An operation with its input, which the caller has written as the protocol has it.
    /// - Parameter operation: with its service's name, e.g. `Kinesis_20131202.ListShards`.
    package func request(_ operation: String, body: ByteBuffer, timeout: Duration) -> AWSRequest {
        switch self {
        case .json(let version):
            var request = AWSRequest(.post, body: body, timeout: timeout)
            request.contentType = version.contentType
            request.target = operation
            return request
        case .query:
            var request = AWSRequest(.post, body: body, timeout: timeout)
            request.contentType = "application/x-www-form-urlencoded; charset=utf-8"
            request.operation = operation
            return request
        case .s3: preconditionFailure("an operation of S3 is a method and a path")
        }
    }

    /// What a response that is no success says. A proxy may have written it, which knows nothing of the protocol.
    /// - Parameter expectedCodes: as in `AWSRequest`.
    package func error(_ response: AWSResponse, expectedCodes: [String]) -> ServiceError {
        switch self {
        case .json: ServiceError(json: response, expectedCodes: expectedCodes)
        case .query, .s3: ServiceError(xml: response)
        }
    }
}
