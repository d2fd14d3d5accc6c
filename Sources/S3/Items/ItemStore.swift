import AWS
import Bytes
import Logging
import Reactor

/// The large items of streams: puts and gets objects with retries, and sets their buckets up. Confined to its loop.
package final class ItemStore: @unchecked Sendable {
    /// Items that are on their way at once, puts and gets each, in the whole process.
    package static let parallel = 8
    /// Of those the most of items that are not needed yet begin beside so many: who needs one now finds a turn.
    static let parallelAhead = 4
    /// Buckets that are looked after; records may name any. Beyond it a bucket is used without being looked at.
    static let mostBuckets = 1000

    package let client: S3Client
    /// Where records may point to.
    package let allowed: AllowedBuckets
    package internal(set) var counters = ItemCounters()
    let logger: Logger
    private var setups: [BucketName: BucketSetup] = [:]
    /// Of buckets that fail; of all others it is closed.
    var failing: [BucketName: FailingBucket] = [:]

    struct FailingBucket {
        var circuit: BucketCircuit
        /// Of the item that was given up last; nil: none was.
        var givenUpKey: String?
    }

    /// Opened when a put, a get or a circuit has come to an end.
    let changed: Gate
    private var puts = 0
    var gets = 0
    /// Attempts at items that are under way.
    package var getsUnderWay: Int { gets }
    var lastItem: UInt64 = 0
    var refusal: String?

    package init(_ client: S3Client, allowed: AllowedBuckets = .any, logger: Logger) {
        self.client = client
        self.allowed = allowed
        self.logger = logger
        changed = Gate(loop: client.loop)
    }

    var loop: EventLoop { client.loop }

    // MARK: Buckets

    /// Looks whether the bucket is there and as it is wanted, in the background.
    package func prepare(_ bucket: BucketName, _ wanted: BucketProvision.Wanted) {
        guard let setup = setup(of: bucket) else { return }
        setup.want(wanted)
    }

    private func setup(of bucket: BucketName) -> BucketSetup? {
        if let setup = setups[bucket] { return setup }
        guard setups.count < Self.mostBuckets else { return nil }
        let setup = BucketSetup(bucket, client, logger: logger)
        setups[bucket] = setup
        return setup
    }

    /// What people are told of the buckets, and of the last object where that was refused.
    package var problems: [String] {
        let outages = failing.compactMap { bucket, failing in
            failing.circuit.problem(now: loop.now).map { "bucket \(bucket): \($0)" }
        }
        return (setups.values.compactMap(\.problem) + outages).sorted() + [refusal].compactMap(\.self)
    }

    func note(_ error: AWSError, _ operation: String, _ bucket: BucketName) {
        if error.disposition == .denied { refusal = "bucket \(bucket): \(operation): \(error)" }
    }

    package func stop() {
        for setup in setups.values { setup.stop() }
    }

    // MARK: Objects

    /// Stores an object, and returns its eTag. Tried again until the deadline for what passes; a bucket that is made here is
    /// waited for.
    /// - Parameter body: asked for when it is its turn; not written to any more.
    package func put(
        _ body: () -> ByteBuffer, as key: String, contentType: String, in bucket: BucketName,
        until deadline: EventLoop.Instant
    ) async throws(AWSError) -> String {
        do throws(CancellationError) { try await changed.wait(while: { puts >= Self.parallel }) } catch {
            throw .cancelled
        }
        puts += 1
        defer {
            puts -= 1
            changed.open()
        }
        let body = body()
        do throws(AWSError) {
            let eTag = try await call(
                PutObject(key: key, body: body, contentType: contentType), of: bucket, until: deadline)
            counters.put(body.count)
            refusal = nil
            return eTag
        } catch {
            if error != .cancelled { counters.putFailures += 1 }
            note(error, PutObject.name, bucket)
            throw error
        }
    }

    private static let retries = RetryPolicy(minTimeout: .milliseconds(100), maxTimeout: .seconds(3))

    private func call<Operation: S3Operation>(
        _ operation: Operation, of bucket: BucketName, until deadline: EventLoop.Instant
    ) async throws(AWSError) -> Operation.Response {
        var failures = 0
        while true {
            do throws(AWSError) {
                return try await client.call(operation, of: bucket, within: deadline - loop.now)
            } catch {
                failures += 1
                guard mayPass(error, bucket),
                    let delay = Self.retries.nextDelay(
                        attempt: failures, elapsed: .zero, random: .random(in: 0..<1)),
                    loop.now + delay < deadline
                else { throw error }
                logger.debug("an item is tried again", metadata: ["bucket": "\(bucket)", "error": "\(error)"])
                do throws(CancellationError) { try await loop.sleep(for: delay) } catch { throw .cancelled }
            }
        }
    }

    /// Whether a later attempt may succeed, within seconds.
    func mayPass(_ error: AWSError, _ bucket: BucketName) -> Bool {
        switch error {
        case .service(let service) where service.code == "NoSuchBucket":
            let setup = setups[bucket]
            setup?.missed()
            return setup?.isManaged ?? false
        // Keys that are renewed just now.
        case .credentials: return true
        default: break
        }
        return switch error.disposition {
        case .retry, .throttled, .limitExceeded, .resourceInUse, .refreshCredentials: true
        case .denied, .clockSkew, .expiredIterator, .expiredNextToken, .notFound, .invalidArgument, .cancelled, .fatal:
            false
        }
    }
}

/// What has passed between this process and the buckets of large items.
package struct ItemCounters: Equatable, Sendable {
    package private(set) var puts = 0
    package private(set) var putBytes = 0
    /// Items that could not be put, however often they were tried.
    package internal(set) var putFailures = 0
    package private(set) var gets = 0
    package private(set) var gotBytes = 0
    /// Items without which their records were given out.
    package internal(set) var getFailures = 0

    package init() {}

    mutating func put(_ bytes: Int) {
        puts += 1
        putBytes += bytes
    }

    mutating func got(_ bytes: Int) {
        gets += 1
        gotBytes += bytes
    }
}
