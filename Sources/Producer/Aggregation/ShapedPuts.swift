import AWS
import Kinesis
import Logging
import Reactor

/// One stream's puts on their way to its lane: does what its `Aggregator` decides.
///
/// Confined to its loop.
final class ShapedPuts: @unchecked Sendable {
    private typealias Waiter = UnsafeContinuation<Result<PutAnswer, PutError>, Never>

    private let loop: EventLoop
    private let stream: StreamName
    private let target: any PutTarget
    private let logger: Logger
    /// Owns this object.
    private unowned let lane: PutLane
    private var aggregator: Aggregator
    /// Who waits for an answer, by the ticket's slot.
    private var waiters: [Waiter?] = []
    private var willAct = false
    private var timer: (token: TimerToken, due: EventLoop.Instant)?
    private var isListing = false
    private var couldList = true

    init(
        loop: EventLoop, stream: StreamName, target: any PutTarget, lane: PutLane, _ shaping: PutShaping,
        timeout: Duration, logger: Logger
    ) {
        self.loop = loop
        self.stream = stream
        self.target = target
        self.lane = lane
        self.logger = logger
        aggregator = Aggregator(shaping, timeout: timeout)
    }

    var isIdle: Bool { aggregator.unanswered == 0 && !isListing }

    func put(_ put: EncodedPut) async -> Result<PutAnswer, PutError> {
        await withUnsafeContinuation { waiter in
            let ticket = aggregator.submitted(put, now: loop.now)
            while waiters.count <= ticket.slot { waiters.append(nil) }
            waiters[ticket.slot] = waiter
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
        guard !willAct else { return }
        willAct = true
        loop.endOfTurn { [self] in
            willAct = false
            act()
        }
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
            isListing = true
            loop.spawn { await self.list() }
        }
        while let answer = aggregator.nextAnswer() {
            waiters[answer.ticket.slot]?.resume(returning: answer.result)
            waiters[answer.ticket.slot] = nil
        }
        armTimer()
    }

    private func list() async {
        do throws(AWSError) {
            aggregator.listed(ShardMap(try await target.listShards(stream)), now: loop.now)
            couldList = true
        } catch {
            aggregator.listed(nil, now: loop.now)
            // A missing stream is made by what is put then.
            if couldList, error.disposition != .notFound {
                logger.warning(
                    "records are put alone and unheeded of their shards' limits: these cannot be listed",
                    metadata: ["stream": "\(stream)", "error": "\(error)"])
                couldList = false
            }
        }
        isListing = false
        actSoon()
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
