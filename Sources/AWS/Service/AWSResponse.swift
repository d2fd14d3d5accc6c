import Bytes
import Time

/// What a service sent back, whatever its status. Performs no I/O.
package struct AWSResponse: Sendable {
    package var status: Int
    package var headers: TransportHeaders
    package var body: ByteBuffer

    package init(status: Int, headers: TransportHeaders, body: ByteBuffer) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ response: TransportResponse) {
        self.init(status: response.status, headers: response.headers, body: response.body)
    }

    /// Whether the service did what it was asked for (RFC 9110, 15.3).
    package var isSuccess: Bool { (200..<300).contains(status) }

    /// The service's time, from the Date header. Looked for when it is asked for.
    package var date: WallTime? { headers.first("date").flatMap(WallTime.init(httpDate:)) }

    /// The id under which AWS's support finds the request. Looked for when it is asked for.
    package var requestID: String? { headers.requestID }
}

extension TransportHeaders {
    /// The id under which AWS's support finds the request.
    package var requestID: String? {
        first("x-amzn-requestid") ?? first("x-amz-request-id")
    }
}
