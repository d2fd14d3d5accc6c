import AWS
import Kinesis
import Logging
import Reactor
import Time

/// Gives a consumer's stream in the background what configuration asks of it, as `StreamSetup` decides. Confined to its loop.
final class StreamCare: @unchecked Sendable {
    private let stream: StreamName
    private let engine: EngineContext
    private let logger: Logger
    private var current: (wishes: StreamWishes, creation: WallTime, setup: StreamSetup, task: Task<Void, Never>)?

    init(of stream: StreamName, in engine: EngineContext, logger: Logger) {
        self.stream = stream
        self.engine = engine
        self.logger = logger
    }

    /// What people are told, nil: nothing.
    var problem: String? { current?.setup.problem }

    /// The stream is there, and this is wanted of it. What was done for it once is not done again.
    func see(_ summary: StreamSummary, wanting wishes: StreamWishes) {
        if let current, current.wishes == wishes, current.creation == summary.creation { return }
        stop()
        guard wishes != .none else { return }
        let setup = StreamSetup(wishes)
        let task = engine.loop.spawn { [self] in
            do throws(CancellationError) {
                var step = change { $0.described(summary, now: $1, random: $2) }
                while step != .rest { step = try await next(after: step) }
            } catch {}
        }
        current = (wishes, summary.creation, setup, task)
    }

    func stop() {
        current?.task.cancel()
        current = nil
    }

    private func next(after step: StreamSetup.Step) async throws(CancellationError) -> StreamSetup.Step {
        switch step {
        case .look(let moment):
            try await engine.loop.sleep(until: moment)
            switch try await result({ () throws(AWSError) in
                try await engine.source.summary(of: stream, retry: nil)
            }) {
            case .success(let summary): return change { $0.described(summary, now: $1, random: $2) }
            case .failure(let error): return change { $0.describeFailed(error, now: $1, random: $2) }
            }
        case .encrypt(let keyID):
            logger.notice("encrypting the stream", metadata: ["keyId": "\(keyID)"])
            switch try await answer(to: StartStreamEncryption(stream: stream, keyID: keyID)) {
            case .success: return change { $0.encrypted(now: $1, random: $2) }
            case .failure(let error): return change { $0.encryptFailed(error, now: $1, random: $2) }
            }
        case .listTags(let after):
            switch try await answer(to: ListTagsForStream(stream: stream, after: after)) {
            case .success(let page): return change { $0.listed(page, now: $1, random: $2) }
            case .failure(let error):
                return change { $0.taggingFailed(ListTagsForStream.name, error, now: $1, random: $2) }
            }
        case .tag(let tags):
            logger.notice("tagging the stream", metadata: ["tags": "\(tags.keys.sorted().joined(separator: " "))"])
            switch try await answer(to: AddTagsToStream(stream: stream, tags: tags)) {
            case .success: return change { $0.tagged(now: $1, random: $2) }
            case .failure(let error):
                return change { $0.taggingFailed(AddTagsToStream.name, error, now: $1, random: $2) }
            }
        case .rest: return .rest
        }
    }

    /// Tells the set-up a fact, and people what has become of it.
    private func change(_ fact: (inout StreamSetup, EventLoop.Instant, Double) -> StreamSetup.Step) -> StreamSetup.Step
    {
        guard current != nil else { return .rest }
        let before = problem
        let step = fact(&current!.setup, engine.loop.now, Double.random(in: 0..<1))
        if let problem, problem != before {
            logger.warning("the stream is not as it is to be", metadata: ["error": "\(problem)"])
        }
        return step
    }

    private func answer<Operation: KinesisOperation>(
        to operation: Operation
    ) async throws(CancellationError) -> Result<Operation.Response, AWSError> {
        try await result { () throws(AWSError) in try await engine.source.call(operation, of: stream, retry: nil) }
    }

    /// Who was cancelled meanwhile takes no part any more.
    private func result<T>(
        _ call: () async throws(AWSError) -> T
    ) async throws(CancellationError) -> Result<T, AWSError> {
        let result: Result<T, AWSError>
        do throws(AWSError) { result = .success(try await call()) } catch { result = .failure(error) }
        if Task.isCancelled { throw CancellationError() }
        return result
    }
}
