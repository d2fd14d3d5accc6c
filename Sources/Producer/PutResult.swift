import AWS
import Kinesis
import S3

/// The answer to a put: one result per record, in the order of the request.
package struct PutAnswer: Equatable, Sendable {
    package var results: [PutResult]
    /// `NONE` or `KMS`, as the service says; nil when it never said.
    package var encryptionType: String?

    package init(results: [PutResult], encryptionType: String?) {
        self.results = results
        self.encryptionType = encryptionType
    }
}

/// What waits in this process has reached `maxPutBytes`: a put finds no room beside it.
package struct PutBacklog: Error, Hashable, Sendable {
    /// Bytes.
    package let waiting: Int
    package let limit: Int
    package let retryAfter: Duration
}

/// Why a put as a whole has no answer by record.
package enum PutError: Error, Sendable {
    /// Nothing of the put was sent.
    case busy(PutBacklog)
    /// `putTimeout` has passed. Without `mayHaveBeenWritten` it is certain that nothing of the put was written.
    /// `lastFailure` is what the last attempt met.
    case timedOut(after: Duration, mayHaveBeenWritten: Bool, lastFailure: AWSError?)
    /// A record is over the stream's size, counted as the service counts: data and partition key. Nothing was sent.
    case recordTooLarge(index: Int, size: Int, limit: Int)
    /// The stream's ARN names another region than the one that is asked.
    case otherRegion(String)
    /// There is no such stream, and it is not among those that may be created.
    case streamMissing
    /// The stream did not become usable in time; `status` is what it was.
    case streamNotReady(status: String)
    /// The service, or the way to it, refused the whole call for good.
    case service(AWSError)
    /// The large item of this record could not be put to S3. Nothing was sent to the stream.
    case itemNotStored(index: Int, bucket: BucketName, AWSError)
    /// A record is a large item, and there is no bucket for it: the stream's name is no bucket's. Nothing was sent.
    case noBucket(StreamName)
    /// The process is ending and takes no new puts.
    case draining
}

extension PutError {
    /// The same for one record of a put whose other records fared otherwise.
    package var asEntry: (code: String, message: String) {
        switch self {
        case .timedOut(let after, let mayHaveBeenWritten, let lastFailure):
            let fate = mayHaveBeenWritten ? "the record may have been written" : "the record was not written"
            let cause = lastFailure.map { "; the last attempt: \($0)" } ?? ""
            return ("putTimeout", "no \(Self.missing(lastFailure)) within \(after); \(fate)" + cause)
        case .service(.service(let error)):
            return (error.code, error.message)
        case .service(let error):
            return ("awsUnavailable", error.description)
        case .streamMissing:
            return ("ResourceNotFoundException", "the stream does not exist")
        case .streamNotReady(let status):
            return ("ResourceInUseException", "the stream is \(status)")
        case .recordTooLarge(_, let size, let limit):
            return ("recordTooLarge", "\(size) bytes are over the stream's limit of \(limit)")
        case .otherRegion(let region):
            return ("badStreamName", "the stream's ARN is of another region than \(region), which is asked")
        case .itemNotStored(_, let bucket, let error):
            return ("itemNotStored", "the large item could not be put to the bucket \(bucket): \(error)")
        case .noBucket(let stream):
            return ("itemNotStored", "\(stream) is no name of a bucket, and s3.bucketName is not set")
        case .busy, .draining:
            return ("notSent", "the record was not sent")
        }
    }
}

extension PutError {
    /// What did not come in time: an answer at all, or one that is no failure.
    package static func missing(_ lastFailure: AWSError?) -> String {
        if case .service = lastFailure { "success" } else { "answer" }
    }
}

extension RetryPolicy {
    /// For failed entries and calls of a put: shorter waits than other calls have, since a put has `putTimeout` (30 s)
    /// in all and a shard's write limit is counted by the second.
    package static let puts = RetryPolicy(minTimeout: .milliseconds(100), maxTimeout: .seconds(5))
}

extension PutResult {
    var isAccepted: Bool {
        if case .accepted = self { true } else { false }
    }
}
