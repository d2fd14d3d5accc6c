import AWS
import Logging
import Reactor

/// Sets one bucket up in the background, as `BucketProvision` decides. Confined to its loop.
final class BucketSetup: @unchecked Sendable {
    let bucket: BucketName
    private let client: S3Client
    private let logger: Logger
    private let random: () -> Double
    private var provision = BucketProvision()
    private var task: Task<Void, Never>?

    init(
        _ bucket: BucketName, _ client: S3Client, logger: Logger,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.bucket = bucket
        self.client = client
        self.logger = logger
        self.random = random
    }

    /// What people are told of it; nil where there is nothing to be told.
    var problem: String? { provision.state.problem.map { "bucket \(bucket): \($0)" } }

    /// Whether the bucket is made where it is not there.
    var isManaged: Bool { provision.wanted.isManaged }

    func want(_ wanted: BucketProvision.Wanted) {
        let isNew = provision.want(wanted)
        if isNew || task == nil { carryOut(from: .head(at: client.loop.now)) }
    }

    /// Somebody was told that there is no such bucket.
    func missed() {
        guard case .ready = provision.state else { return }
        carryOut(from: provision.missed(now: client.loop.now))
    }

    func stop() { task?.cancel() }

    private func carryOut(from first: BucketProvision.Step) {
        task?.cancel()
        task = client.loop.spawn { [self] in
            var step = first
            do throws(CancellationError) {
                while step != .rest {
                    let before = provision.state
                    step = try await next(after: step)
                    if provision.state != before { tell() }
                }
            } catch {}
        }
    }

    private func next(after step: BucketProvision.Step) async throws(CancellationError) -> BucketProvision.Step {
        let loop = client.loop
        switch step {
        case .head(let moment):
            try await loop.sleep(until: moment)
            switch try await answer(to: HeadBucket()) {
            case .success: return provision.found(now: loop.now)
            case .failure(let error): return provision.headFailed(error, now: loop.now, random: random())
            }
        case .create:
            logger.notice("the bucket is created", metadata: ["bucket": "\(bucket)"])
            switch try await answer(to: CreateBucket(in: client.place.region)) {
            case .success: return provision.created(now: loop.now)
            case .failure(let error): return provision.createFailed(error, now: loop.now, random: random())
            }
        case .getTags:
            switch try await answer(to: GetBucketTagging()) {
            case .success(let tags): return provision.foundTags(tags, now: loop.now)
            case .failure(let error) where error.isExpected(among: GetBucketTagging.expectedCodes):
                return provision.foundTags([], now: loop.now)
            case .failure(let error): return failed(GetBucketTagging.name, error)
            }
        case .putTags(let tags):
            switch try await answer(to: PutBucketTagging(tags)) {
            case .success: return provision.tagged(now: loop.now)
            case .failure(let error): return failed(PutBucketTagging.name, error)
            }
        case .getRules(let moment):
            try await loop.sleep(until: moment)
            switch try await answer(to: GetBucketLifecycleConfiguration()) {
            case .success(let lifecycle): return provision.foundRules(lifecycle, now: loop.now)
            case .failure(let error) where error.isExpected(among: GetBucketLifecycleConfiguration.expectedCodes):
                return provision.foundRules(Lifecycle(), now: loop.now)
            case .failure(let error): return failed(GetBucketLifecycleConfiguration.name, error)
            }
        case .putRules(let lifecycle):
            switch try await answer(to: PutBucketLifecycleConfiguration(lifecycle)) {
            case .success: return provision.wroteRules(now: loop.now)
            case .failure(let error): return failed(PutBucketLifecycleConfiguration.name, error)
            }
        case .rest: return .rest
        }
    }

    private func failed(_ operation: String, _ error: AWSError) -> BucketProvision.Step {
        provision.settingFailed(operation, error, now: client.loop.now, random: random())
    }

    /// Who was cancelled meanwhile takes no part any more: another task goes on with the provision.
    private func answer<Operation: S3Operation>(
        to operation: Operation
    ) async throws(CancellationError) -> Result<Operation.Response, AWSError> {
        let result: Result<Operation.Response, AWSError>
        do throws(AWSError) {
            result = .success(try await client.call(operation, of: bucket))
        } catch {
            result = .failure(error)
        }
        if Task.isCancelled { throw CancellationError() }
        return result
    }

    private func tell() {
        var metadata: Logger.Metadata = ["bucket": "\(bucket)"]
        if let problem { metadata["error"] = "\(problem)" }
        switch provision.state {
        case .awaited: logger.info("the bucket is waited for", metadata: metadata)
        case .ready(nil): logger.notice("the bucket is ready", metadata: metadata)
        case .ready, .unusable: logger.warning("the bucket is not as it is to be", metadata: metadata)
        }
    }
}
