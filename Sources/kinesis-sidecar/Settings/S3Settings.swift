import S3

/// What the configuration says of the buckets of large items (`s3`).
struct S3Settings: Sendable {
    var service = ServiceSettings()
    /// Nil: each stream's is called like the stream.
    var bucket: BucketName?
    /// From which buckets items are given out; nil: where one is named from that one, else from any.
    var allowedBuckets: AllowedBuckets?
    /// Of 1,024 bytes: a record with more data is put to S3.
    var thresholdKilobytes = 900
    /// Members of an item that stand in its record too.
    var nonS3Keys: [String] = []
    /// Values by their keys.
    var tags: [String: String] = [:]
    /// After so many days S3 deletes an item; nil: as long as the stream keeps its record.
    var expirationDays: Int?
    /// Whether a bucket is named in the path of a URL; nil: not at AWS, and everywhere else.
    var forcePathStyle: Bool?

    /// A record can name any bucket, and whoever reads it gets what the sidecar may read there.
    var allowed: AllowedBuckets {
        allowedBuckets ?? bucket.map { AllowedBuckets([AllowedBuckets.Pattern($0)]) } ?? .any
    }

    var addressing: S3Place.Addressing {
        switch forcePathStyle {
        case nil: .automatic
        case true?: .path
        case false?: .host
        }
    }
}
