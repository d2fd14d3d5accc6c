import Bytes
import XML

extension ServiceError {
    /// Reads the error of a request of a protocol in XML: `<Error>` as the root, or inside of `<ErrorResponse>`. A body that is
    /// neither was written by somebody else on the way, or there is none, as the answer to a HEAD has none: the status is the
    /// code then.
    ///
    /// Where S3's bucket is in another region that stands in a header, also of a response without a body.
    /// Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html and aws-restxml-protocol.html there, "Operation error
    /// serialization"; https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, "REST error responses"
    init(xml response: AWSResponse) {
        let root = try? XMLReader.read(response.body.bytes)
        let error = root?.name == "Error" ? root : root?["Error"]
        let code = error?["Code"]?.text ?? ""
        self.init(
            code: code.isEmpty ? "HTTP\(response.status)" : code,
            message: error.map { $0["Message"]?.text ?? "" } ?? Self.excerpt(of: response.body),
            status: response.status,
            requestID: response.requestID ?? root?["RequestId"]?.text ?? error?["RequestId"]?.text,
            date: response.date)
        bucketRegion = response.headers.first("x-amz-bucket-region") ?? error?["Region"]?.text
    }
}
