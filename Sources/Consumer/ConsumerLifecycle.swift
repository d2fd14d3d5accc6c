import AWS

/// Where one consumer stands. Performs no I/O.
///
///     idle ──▸ preparing ──▸ holding ◂──▸ reading ──▸ stopping ──▸ stopped
///      ▴ ▴         │          │ ▴                        │            │
///      │ └─ failed ┘          │ └────────────────────────┴── started ─┘
///      └──── grace is over ───┘              whatever ──▸ ended
///
/// Every change is one named transition; one that its state does not allow changes nothing. `Session` is the time with
/// readers, `Attempt` one try to fix the positions, for which everybody waits who needs them meanwhile.
struct ConsumerLifecycle<Session: AnyObject, Attempt: AnyObject> {
    enum State {
        /// Other members of the group may have its shards. `problem`: why the last attempt has failed, nil: none has.
        case idle(problem: ConsumerError?)
        /// Its positions are being fixed. `isHolding`: they had been before, and its shards are held meanwhile.
        case preparing(Attempt, isHolding: Bool)
        /// Its positions are fixed and its shards held, for a reader that comes before the grace is over. `problem`: why
        /// they could not be brought up to date since.
        case holding(problem: ConsumerError?)
        /// It has readers.
        case reading(Session)
        /// Somebody has stopped it, and its readers have not all gone. `isRestarting`: somebody has started it since.
        case stopping(Session, isRestarting: Bool)
        /// Somebody has stopped it: no reader, until somebody starts it. `isHolding`: its shards are held until the grace is
        /// over, and acknowledgements taken.
        case stopped(isHolding: Bool)
        /// The process is ending; nothing leaves it.
        case ended(Session?, isHolding: Bool)
    }

    /// What a caller that needs the positions does.
    enum Need {
        /// Nothing: whoever reads keeps them up to date.
        case nothing
        /// Begins an attempt.
        case attempt
        /// Waits for the attempt that is under way, whatever comes of it.
        case join(Attempt)
        /// Waits until the readers from before the stop have gone, and asks again.
        case waitForEnd
        /// Gives up.
        case refused(ConsumerError)
    }

    private(set) var state = State.idle(problem: nil)
    /// Readers that are being attached.
    private var arriving = 0
    /// Somebody has started it, and not stopped it since.
    private var isStarted = false

    // MARK: Queries

    /// Those whose readers it has, also while they end.
    var session: Session? {
        switch state {
        case .reading(let session), .stopping(let session, _): session
        case .ended(let session, _): session
        case .idle, .preparing, .holding, .stopped: nil
        }
    }

    /// Whether its options are in use, by a reader or by who waits for it: then they stand.
    var isInUse: Bool { isPreparing || session != nil || arriving > 0 }

    /// Whether an attempt to fix its positions is under way.
    var isPreparing: Bool {
        if case .preparing = state { true } else { false }
    }

    /// Whether other members of the group leave its shards alone.
    var holdsShards: Bool {
        switch state {
        case .preparing(_, let isHolding), .stopped(let isHolding), .ended(_, let isHolding): isHolding
        case .holding, .reading, .stopping: true
        case .idle: false
        }
    }

    /// Why the last attempt has failed.
    var problem: ConsumerError? {
        switch state {
        case .idle(let problem), .holding(let problem): problem
        case .preparing, .reading, .stopping, .stopped, .ended: nil
        }
    }

    /// Whether nothing is lost when the process forgets it: nobody uses it, or has asked for it, or for its end.
    var isForgettable: Bool {
        switch state {
        case .idle, .holding: arriving == 0 && !isStarted
        case .preparing, .reading, .stopping, .stopped, .ended: false
        }
    }

    /// What somebody does who needs the positions, to start the consumer or to read.
    var need: Need {
        switch state {
        case .idle, .holding: .attempt
        case .preparing(let attempt, _): .join(attempt)
        case .reading: .nothing
        case .stopping(_, isRestarting: true): .waitForEnd
        case .stopping(_, isRestarting: false), .stopped: .refused(.stopped)
        case .ended: .refused(.shuttingDown)
        }
    }

    /// Whether this attempt is the one that is under way.
    func isCurrent(_ attempt: Attempt) -> Bool {
        if case .preparing(let current, _) = state { current === attempt } else { false }
    }

    /// Whether somebody has stopped it, and nobody reads.
    var isStopped: Bool {
        if case .stopped = state { true } else { false }
    }

    // MARK: Transitions

    mutating func readerArrives() {
        arriving += 1
    }

    /// A reader that has arrived is attached, or will not be.
    mutating func readerArrived() {
        arriving -= 1
    }

    mutating func attemptBegins(_ attempt: Attempt) {
        switch state {
        case .idle: state = .preparing(attempt, isHolding: false)
        case .holding: state = .preparing(attempt, isHolding: true)
        case .preparing, .reading, .stopping, .stopped, .ended: break
        }
    }

    /// The positions are fixed. Returns whether anybody still wants to know.
    mutating func attemptSucceeds(_ attempt: Attempt) -> Bool {
        guard case .preparing(let current, _) = state, current === attempt else { return false }
        state = .holding(problem: nil)
        return true
    }

    /// The positions are as they were; those of an earlier attempt stand. Returns whether the shards are still held.
    mutating func attemptFails(_ attempt: Attempt, because problem: ConsumerError) -> Bool {
        guard case .preparing(let current, let isHolding) = state, current === attempt else { return false }
        state = isHolding ? .holding(problem: problem) : .idle(problem: problem)
        return isHolding
    }

    /// The service can be reached again: that it could not is no problem any more.
    mutating func serviceReturned() {
        guard case .service(let error) = problem, error.isUnreachable else { return }
        state = holdsShards ? .holding(problem: nil) : .idle(problem: nil)
    }

    /// The first reader is there. What an attempt that is under way finds is of no use any more.
    mutating func sessionBegins(_ session: Session) {
        switch state {
        case .idle, .preparing, .holding: state = .reading(session)
        case .reading, .stopping, .stopped, .ended: break
        }
    }

    /// The last reader has gone.
    mutating func sessionEnds() {
        switch state {
        case .reading: state = .holding(problem: nil)
        case .stopping(_, isRestarting: false): state = .stopped(isHolding: true)
        case .stopping(_, isRestarting: true): state = .holding(problem: nil)
        case .ended(_, let isHolding): state = .ended(nil, isHolding: isHolding)
        case .idle, .preparing, .holding, .stopped: break
        }
    }

    /// No reader has come in time. Returns whether the shards are let go with this.
    mutating func graceIsOver() -> Bool {
        switch state {
        case .holding: state = .idle(problem: nil)
        case .stopped(isHolding: true): state = .stopped(isHolding: false)
        case .idle, .preparing, .reading, .stopping, .stopped, .ended: return false
        }
        return true
    }

    /// Somebody starts it. Returns whether it was stopped.
    mutating func starts() -> Bool {
        switch state {
        case .stopped(let isHolding): state = isHolding ? .holding(problem: nil) : .idle(problem: nil)
        case .stopping(let session, _): state = .stopping(session, isRestarting: true)
        case .idle, .preparing, .holding, .reading, .ended: return false
        }
        return true
    }

    /// It runs, and stays in mind although nobody reads.
    mutating func started() {
        isStarted = true
    }

    /// What was prepared before holds again, without a new attempt.
    mutating func holds() {
        if case .idle = state { state = .holding(problem: nil) }
    }

    /// Somebody stops it.
    mutating func stops() {
        isStarted = false
        switch state {
        case .reading(let session), .stopping(let session, _): state = .stopping(session, isRestarting: false)
        case .idle, .preparing, .holding, .stopped: state = .stopped(isHolding: holdsShards)
        case .ended: break
        }
    }

    mutating func processEnds() {
        state = .ended(session, isHolding: holdsShards)
    }
}
