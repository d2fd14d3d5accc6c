import AWS

/// Where S3 is asked, and how a bucket is named in a request.
package struct S3Place: Hashable, Sendable {
    /// How a bucket is named.
    package enum Addressing: Hashable, Sendable {
        /// In the host name where AWS itself answers, in the path elsewhere: an emulator has one name.
        case automatic
        /// `https://host/bucket/key`
        case path
        /// `https://bucket.host/key`
        case host
    }

    package var region: Region
    package var endpoint: Endpoint
    /// Which endpoints of regions are asked, where `endpoint` is the region's own: another region's bucket is asked at that
    /// one's. Nil: every bucket is asked at `endpoint`.
    package var variant: EndpointVariant?
    package var addressing: Addressing

    package init(
        region: Region, endpoint: Endpoint, variant: EndpointVariant?, addressing: Addressing = .automatic
    ) {
        self.region = region
        self.endpoint = endpoint
        self.variant = variant
        self.addressing = addressing
    }

    /// Where the bucket is asked in that region.
    func place(of bucket: BucketName, in region: Region) -> BucketPlace {
        let base = self.endpoint(in: region)
        guard namesInHost(bucket, base) else {
            return BucketPlace(region: region, endpoint: base, prefix: "/" + bucket.text)
        }
        let host = Endpoint(
            scheme: base.scheme, host: "\(bucket).\(base.host)", port: base.port, path: base.path)
        return BucketPlace(region: region, endpoint: host, prefix: "")
    }

    private func endpoint(in region: Region) -> Endpoint {
        guard let variant, region != self.region else { return endpoint }
        return (try? EndpointResolver.regional(.s3, region: region, variant)) ?? endpoint
    }

    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    private func namesInHost(_ bucket: BucketName, _ base: Endpoint) -> Bool {
        if bucket.hasDots, base.scheme == .https { return false }
        switch addressing {
        case .automatic: return base.isOfAWS
        case .path: return false
        case .host: return true
        }
    }
}

/// Where one bucket is asked.
struct BucketPlace: Hashable, Sendable {
    let region: Region
    let endpoint: Endpoint
    /// What stands before a key's slash.
    let prefix: String
}
