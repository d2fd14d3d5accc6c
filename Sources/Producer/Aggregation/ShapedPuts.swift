import AWS
import Kinesis
import Logging
import Reactor

/// One stream's puts on their way to its lane: does what its `Aggregator` decides.
///
/// Confined to its loop.
final class ShapedPuts: @unchecked Sendable {
    /// Why no shard can be foretold.
    private enum Trouble: String {
        case unlisted = "these cannot be listed"
        case automatic = "the stream is distributed automatically"
    }

    private typealias Waiter = UnsafeContinuation<Result<PutAnswer, PutError>, Never>

    private let loop: EventLoop
    private let stream: StreamName
    private let target: any PutTarget
    private let streams: StreamDirectory
    private let logger: Logger
    /// Owns this object.
    private unowned let lane: PutLane
    private var aggregator: Aggregator
    /// Who waits for an answer. By the whole ticket: between an answer and the end of its turn the slot may have another put.
    private var waiters: [Aggregator.Ticket: Waiter] = [:]
    private let endOfTurn: CoalescedAction
    private var timer: (token: TimerToken, due: EventLoop.Instant)?
    private var listings = 0
    /// What has been told of the stream's shards last, so that it is told once.
    private var trouble: Trouble?

    init(
        loop: EventLoop, stream: StreamName, target: any PutTarget, streams: StreamDirectory, lane: PutLane,
        _ shaping: PutShaping, timeout: Duration, logger: Logger
    ) {
        self.loop = loop
        endOfTurn = CoalescedAction(on: loop)
        self.stream = stream
        self.target = target
        self.streams = streams
        self.lane = lane
        self.logger = logger
        aggregator = Aggregator(shaping, timeout: timeout)
    }

    var isIdle: Bool { aggregator.unanswered == 0 && listings == 0 }

    /// - Parameter arrived: from when on its time counts.
    func put(_ put: EncodedPut, arrived: EventLoop.Instant) async -> Result<PutAnswer, PutError> {
        await withUnsafeContinuation { waiter in
            let ticket = aggregator.submitted(put, arrived: arrived, now: loop.now)
            waiters[ticket] = waiter
            actSoon()
        }
    }

    func passed(_ put: EncodedPut) {
        aggregator.passed(put, now: loop.now)
    }

    func throttled(_ entry: PutRecordEntry) {
        aggregator.throttled(entry, now: loop.now)
    }

    func serviceReturned() {
        aggregator.serviceReturned()
        actSoon()
    }

    /// At the end of the turn: what arrives in one gathers.
    private func actSoon() {
        endOfTurn.request { [self] in act() }
    }

    private func act() {
        aggregator.handleTimeout(now: loop.now)
        while let unit = aggregator.nextUnit(now: loop.now) {
            lane.submit(unit.put, arrived: unit.arrived) { [weak self] result in
                guard let self else { return }
                aggregator.returned(unit.number, result, now: loop.now)
                actSoon()
            }
        }
        if aggregator.beginsListing(now: loop.now) {
            listings += 1
            loop.spawn { await self.list() }
        }
        while let answer = aggregator.nextAnswer() {
            waiters.removeValue(forKey: answer.ticket)?.resume(returning: answer.result)
        }
        armTimer()
    }

    private func list() async {
        do throws(AWSError) {
            let shards = ShardMap(try await target.listShards(stream))
            let isAutomatic = await streams.askDistribution(of: stream)
            aggregator.listed(isAutomatic ? .automatic(shards) : .byHashKey(shards), now: loop.now)
            tell(isAutomatic ? .automatic : nil)
        } catch {
            aggregator.listed(.unknown, now: loop.now)
            // A missing stream is made by what is put then.
            if error.disposition != .notFound { tell(.unlisted, error) }
        }
        listings -= 1
        actSoon()
    }

    private func tell(_ news: Trouble?, _ error: AWSError? = nil) {
        defer { trouble = news }
        guard let news, news != trouble else { return }
        var metadata: Logger.Metadata = ["stream": "\(stream)", "reason": "\(news.rawValue)"]
        if let error { metadata["error"] = "\(error)" }
        logger.warning(
            "records are put alone and unheeded of their shards' limits", metadata: metadata)
    }

    private func armTimer() {
        guard let due = aggregator.nextDeadline else { return }
        if let timer {
            guard due < timer.due else { return }
            loop.cancel(timer.token)
        }
        let token = loop.schedule(at: due) { [weak self] in
            self?.timer = nil
            self?.act()
        }
        timer = (token, due)
    }
}
