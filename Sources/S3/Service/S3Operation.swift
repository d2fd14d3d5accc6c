import AWS
import Bytes
import XML

/// One call of S3's API as a value: it writes its request, without the bucket, and reads its response. Performs no I/O.
package protocol S3Operation: Sendable {
    associatedtype Response: Sendable
    /// The operation's name in the API.
    static var name: String { get }
    /// Codes of errors that tell whoever asks what it wanted to know, and are no failure of the service's.
    static var expectedCodes: [String] { get }
    /// The request; its path is what stands behind the bucket, `/` and a key, or nothing.
    func request() -> AWSRequest
    static func read(_ response: AWSResponse) throws(AWSError) -> Response
}

extension S3Operation {
    package static var expectedCodes: [String] { [] }

    /// A request for what a bucket says of itself.
    static func request(
        _ method: TransportRequest.Method, about subresource: String, _ document: XMLElement? = nil
    ) -> AWSRequest {
        let body = document.map { ByteBuffer($0.document(namespace: S3Client.namespace)) }
        var request = AWSRequest(method, body: body, timeout: S3Client.controlTimeout)
        request.query = [(subresource, "")]
        if let body {
            // S3 wants to know that what replaces the rules of a bucket has come whole.
            request.headers = [("content-md5", Digest.md5Base64(body.bytes))]
            request.contentType = "application/xml"
        }
        return request
    }

    /// The root of a response's document.
    static func root(_ response: AWSResponse, _ name: String) throws(AWSError) -> XMLElement {
        do throws(XMLError) {
            let root = try XMLReader.read(response.body.bytes)
            if root.name == name { return root }
        } catch {
            throw .response(reason: "\(Self.name): \(error)", requestID: response.requestID)
        }
        throw .response(reason: "\(Self.name): its root is no \(name)", requestID: response.requestID)
    }
}
