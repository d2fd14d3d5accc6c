import AWS
import Logging
import Reactor

/// Who uses a table learns here whether it can, and why not.
package protocol TableReadiness: AnyObject, Sendable {
    var state: TableState { get }
    /// Returns once items can be read and written; throws when the task is cancelled.
    func ready() async throws(CancellationError)
}

/// Sets a table up in the background, as `TableProvision` decides. Confined to its loop.
package final class TableSetup: TableReadiness, @unchecked Sendable {
    package var state: TableState { provision.state }
    /// What people are told of it, with what they can do; nil where there is nothing to be told.
    package var problem: String? {
        state.problem.map { "table \(wanted.table): \($0)" + (state.isReady ? "" : advice) }
    }

    package let client: DynamoDBClient
    private let wanted: CreateTable
    private let advice: String
    private let logger: Logger
    private let random: () -> Double
    private var loop: EventLoop { client.client.loop }
    private var provision: TableProvision
    private let changed: Gate
    private var task: Task<Void, Never>?

    /// - Parameters:
    ///   - advice: what those can do who cannot mend the table, to stand behind a problem.
    ///   - random: gives numbers from 0 up to 1.
    package init(
        _ wanted: CreateTable, tags: [Tag], _ client: DynamoDBClient, advice: String = "", logger: Logger,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.client = client
        self.wanted = wanted
        self.advice = advice
        self.logger = logger
        self.random = random
        provision = TableProvision(wanted, tags: tags)
        changed = Gate(loop: client.client.loop)
    }

    package func start() { carryOut(from: .describe(at: loop.now)) }

    package func stop() { task?.cancel() }

    package func ready() async throws(CancellationError) {
        try await changed.wait(while: { !state.isReady })
    }

    /// An item's operation was told that there is no table: it is set up anew.
    package func missed() {
        guard state.isReady else { return }
        logger.warning("the table is gone", metadata: ["table": "\(wanted.table)"])
        carryOut(from: provision.missed(now: loop.now))
    }

    private func carryOut(from first: TableProvision.Step) {
        task?.cancel()
        task = loop.spawn { [self] in
            var step = first
            do throws(CancellationError) {
                while step != .rest {
                    let before = state
                    step = try await next(after: step)
                    if state != before { tell() }
                }
            } catch {}
        }
    }

    private func next(after step: TableProvision.Step) async throws(CancellationError) -> TableProvision.Step {
        switch step {
        case .describe(let moment):
            try await loop.sleep(until: moment)
            switch try await answer(to: DescribeTable(table: wanted.table)) {
            case .success(let table): return provision.described(table, now: loop.now, random: random())
            case .failure(let error): return provision.describeFailed(error, now: loop.now, random: random())
            }
        case .create:
            logger.notice("the table is created", metadata: ["table": "\(wanted.table)"])
            switch try await answer(to: wanted) {
            case .success: return provision.created(now: loop.now)
            case .failure(let error): return provision.createFailed(error, now: loop.now, random: random())
            }
        case .listTags(let arn, let token, let moment):
            try await loop.sleep(until: moment)
            switch try await answer(to: ListTagsOfResource(arn: arn, token: token)) {
            case .success(let page): return provision.listed(page, arn: arn, now: loop.now)
            case .failure(let error): return taggingFailed(ListTagsOfResource.name, error, arn)
            }
        case .tag(let arn, let tags):
            switch try await answer(to: TagResource(arn: arn, tags: tags)) {
            case .success: return provision.tagged()
            case .failure(let error): return taggingFailed(TagResource.name, error, arn)
            }
        case .rest: return .rest
        }
    }

    private func taggingFailed(_ operation: String, _ error: AWSError, _ arn: String) -> TableProvision.Step {
        provision.taggingFailed(operation, error, arn: arn, now: loop.now, random: random())
    }

    /// Who was cancelled meanwhile takes no part any more: another task may go on with the provision.
    private func answer<Operation: DynamoDBOperation>(
        to operation: Operation
    ) async throws(CancellationError) -> Result<Operation.Response, AWSError> {
        let result: Result<Operation.Response, AWSError>
        do throws(AWSError) {
            result = .success(try await client.call(operation))
        } catch {
            result = .failure(error)
        }
        if Task.isCancelled { throw CancellationError() }
        return result
    }

    private func tell() {
        var metadata: Logger.Metadata = ["table": "\(wanted.table)"]
        if let problem { metadata["error"] = "\(problem)" }
        switch state {
        case .awaited: logger.info("the table is waited for", metadata: metadata)
        case .ready(nil): logger.notice("the table is ready", metadata: metadata)
        case .ready: logger.warning("the table lacks its tags", metadata: metadata)
        case .unusable: logger.warning("the table cannot be used", metadata: metadata)
        }
        changed.open()
    }
}
