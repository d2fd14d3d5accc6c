import AWS
import Reactor
import Time

/// The operations of S3: each bucket is asked in its own region, which is remembered. Confined to its loop.
package final class S3Client: @unchecked Sendable {
    package static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    /// How the service is spoken to.
    package static let serviceProtocol = ServiceProtocol.s3
    /// What one call about a bucket may take.
    package static let controlTimeout: Duration = .seconds(10)
    /// What one attempt at an object may take: some megabytes.
    package static let objectTimeout: Duration = .seconds(15)
    /// How often one call is sent on to another region. The second may be where a bucket was before it was made anew.
    private static let mostRedirects = 2
    /// Buckets whose regions are remembered, and clients that are kept; beyond it all are found again.
    private static let capacity = 256

    package let loop: EventLoop
    package let place: S3Place
    /// When the last response came, errors of the service included.
    package private(set) var lastResponse: WallTime?
    /// The failures of the last five minutes.
    package private(set) var recentExceptions = RecentExceptions()

    private let home: AWSClient
    private var clients: [BucketPlace: AWSClient] = [:]
    private var regions: [BucketName: Region] = [:]

    /// - Parameters:
    ///   - home: of the service `s3`, with `serviceProtocol`, in the region where buckets are made.
    ///   - variant: as in `S3Place`.
    package init(_ home: AWSClient, variant: EndpointVariant?, addressing: S3Place.Addressing = .automatic) {
        self.home = home
        loop = home.loop
        place = S3Place(
            region: home.region, endpoint: home.endpoint.shared, variant: variant, addressing: addressing)
    }

    /// Calls an operation of a bucket, once where it lies.
    /// - Parameter timeout: for all of it, redirects included, where that is less than the operation's own.
    package func call<Operation: S3Operation>(
        _ operation: Operation, of bucket: BucketName, within timeout: Duration? = nil
    ) async throws(AWSError) -> Operation.Response {
        let deadline = timeout.map { loop.now + $0 }
        var redirects = 0
        while true {
            let asked = regions[bucket] ?? place.region
            do throws(AWSError) {
                let response = try await send(operation, of: bucket, in: asked, until: deadline)
                return try Operation.read(response)
            } catch {
                if case .cancelled = error { throw error }
                redirects += 1
                if redirects <= Self.mostRedirects, let region = error.region(insteadOf: asked) {
                    remember(region, of: bucket)
                    continue
                }
                if !error.isExpected(among: Operation.expectedCodes) { recentExceptions.record(error, now: .now()) }
                throw error
            }
        }
    }

    private func send(
        _ operation: some S3Operation, of bucket: BucketName, in region: Region, until deadline: EventLoop.Instant?
    ) async throws(AWSError) -> AWSResponse {
        let bucketPlace = place.place(of: bucket, in: region)
        var request = operation.request()
        request.path = bucketPlace.prefix + request.path
        if let deadline { request.timeout = max(.milliseconds(1), min(request.timeout, deadline - loop.now)) }
        let client = client(bucketPlace)
        defer { lastResponse = [lastResponse, client.lastResponse].compactMap(\.self).max() }
        return try await client.send(request, retry: nil)
    }

    private func remember(_ region: Region, of bucket: BucketName) {
        if regions.count >= Self.capacity { regions.removeAll() }
        regions[bucket] = region
    }

    private func client(_ bucketPlace: BucketPlace) -> AWSClient {
        if let client = clients[bucketPlace] { return client }
        if clients.count >= Self.capacity { clients.removeAll() }
        let client = home.sibling(region: bucketPlace.region, endpoint: bucketPlace.endpoint)
        clients[bucketPlace] = client
        return client
    }
}

extension AWSError {
    /// The region that the bucket lies in, where the service says that it is not this one.
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html; a signature for another region is a 400
    /// (AuthorizationHeaderMalformed), of which HEAD shows only the header.
    func region(insteadOf asked: Region) -> Region? {
        guard case .service(let error) = self, [301, 307, 400].contains(error.status),
            let region = error.bucketRegion.flatMap(Region.init), region != asked
        else { return nil }
        return region
    }
}
