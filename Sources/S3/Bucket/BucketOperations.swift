import AWS
import Bytes
import XML

/// HeadBucket: whether the bucket is there, and may be used.
package struct HeadBucket: S3Operation {
    package static let name = "HeadBucket"
    /// The answer to a HEAD has no body, so no code.
    package static let expectedCodes = ["HTTP404"]

    package init() {}

    package func request() -> AWSRequest { AWSRequest(.head, timeout: S3Client.controlTimeout) }

    package static func read(_ response: AWSResponse) throws(AWSError) {}
}

/// CreateBucket.
package struct CreateBucket: S3Operation {
    package static let name = "CreateBucket"
    package static let expectedCodes = ["BucketAlreadyOwnedByYou"]
    package let region: Region

    package init(in region: Region) {
        self.region = region
    }

    package func request() -> AWSRequest {
        guard let document else { return AWSRequest(.put, timeout: S3Client.controlTimeout) }
        let body = ByteBuffer(document.document(namespace: S3Client.namespace))
        var request = AWSRequest(.put, body: body, timeout: S3Client.controlTimeout)
        request.contentType = "application/xml"
        return request
    }

    /// us-east-1 is where a bucket is made that names no place, and must not be named.
    private var document: XMLElement? {
        guard region.name != "us-east-1" else { return nil }
        return XMLElement("CreateBucketConfiguration", [XMLElement("LocationConstraint", region.name)])
    }

    package static func read(_ response: AWSResponse) throws(AWSError) {}
}

/// A tag of a bucket.
package struct BucketTag: Hashable, Sendable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// GetBucketTagging. A bucket without tags is an error of its own (`NoSuchTagSet`).
package struct GetBucketTagging: S3Operation {
    package static let name = "GetBucketTagging"
    package static let expectedCodes = ["NoSuchTagSet"]

    package init() {}

    package func request() -> AWSRequest { Self.request(.get, about: "tagging") }

    package static func read(_ response: AWSResponse) throws(AWSError) -> [BucketTag] {
        let tags = try root(response, "Tagging")["TagSet"]?.all("Tag") ?? []
        return tags.map { BucketTag(key: $0["Key"]?.text ?? "", value: $0["Value"]?.text ?? "") }
    }
}

/// PutBucketTagging: replaces all tags.
package struct PutBucketTagging: S3Operation {
    package static let name = "PutBucketTagging"
    package let tags: [BucketTag]

    package init(_ tags: [BucketTag]) {
        self.tags = tags
    }

    package func request() -> AWSRequest {
        let set = tags.map { XMLElement("Tag", [XMLElement("Key", $0.key), XMLElement("Value", $0.value)]) }
        return Self.request(.put, about: "tagging", XMLElement("Tagging", [XMLElement("TagSet", set)]))
    }

    package static func read(_ response: AWSResponse) throws(AWSError) {}
}

/// GetBucketLifecycleConfiguration. A bucket without rules is an error of its own.
package struct GetBucketLifecycleConfiguration: S3Operation {
    package static let name = "GetBucketLifecycleConfiguration"
    package static let expectedCodes = ["NoSuchLifecycleConfiguration"]

    package init() {}

    package func request() -> AWSRequest { Self.request(.get, about: "lifecycle") }

    package static func read(_ response: AWSResponse) throws(AWSError) -> Lifecycle {
        let rules = try root(response, "LifecycleConfiguration").all("Rule")
        return Lifecycle(
            rules: rules, leastSize: response.headers.first("x-amz-transition-default-minimum-object-size"))
    }
}

/// PutBucketLifecycleConfiguration: replaces all rules.
package struct PutBucketLifecycleConfiguration: S3Operation {
    package static let name = "PutBucketLifecycleConfiguration"
    package let lifecycle: Lifecycle

    package init(_ lifecycle: Lifecycle) {
        self.lifecycle = lifecycle
    }

    package func request() -> AWSRequest {
        var request = Self.request(
            .put, about: "lifecycle", XMLElement("LifecycleConfiguration", lifecycle.rules))
        if let size = lifecycle.leastSize {
            request.headers.append(("x-amz-transition-default-minimum-object-size", size))
        }
        return request
    }

    package static func read(_ response: AWSResponse) throws(AWSError) {}
}
