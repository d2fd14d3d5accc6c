import AWS
import Bytes

/// PutObject: stores an object whole.
package struct PutObject: S3Operation {
    package static let name = "PutObject"
    package let key: String
    package let body: ByteBuffer
    package let contentType: String

    package init(key: String, body: ByteBuffer, contentType: String) {
        self.key = key
        self.body = body
        self.contentType = contentType
    }

    package func request() -> AWSRequest {
        var request = AWSRequest(.put, path: "/" + key, body: body, timeout: S3Client.objectTimeout)
        request.contentType = contentType
        return request
    }

    /// The eTag, without its quotes; empty where the service says none.
    package static func read(_ response: AWSResponse) throws(AWSError) -> String {
        (response.headers.first("etag") ?? "").filter { $0 != "\"" }
    }
}

/// GetObject: an object whole.
package struct GetObject: S3Operation {
    package static let name = "GetObject"
    package let key: String
    /// As in `AWSRequest`.
    package let acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)?

    package init(key: String, acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)? = nil) {
        self.key = key
        self.acceptsResponse = acceptsResponse
    }

    package func request() -> AWSRequest {
        var request = AWSRequest(.get, path: "/" + key, timeout: S3Client.objectTimeout)
        request.headers = [("accept-encoding", "identity")]
        request.acceptsResponse = acceptsResponse
        return request
    }

    /// Only 200 has an object whole, and an item is never empty: whatever stands between may answer otherwise.
    package static func read(_ response: AWSResponse) throws(AWSError) -> ByteBuffer {
        guard response.status == 200, !response.body.isEmpty else {
            let reason = "status \(response.status) with \(response.body.count) bytes is no item"
            throw .response(reason: reason, requestID: nil)
        }
        return response.body
    }
}
