import Kinesis

/// Decides what one record processor is asked next, and what becomes of its checkpoints, from its start to its end. Performs no
/// I/O.
///
///     asked(initialize) ──▸ idle ◂──▸ asked(processRecords)
///                            ├──▸ asked(shardEnded) ──▸ closing       with a checkpoint; without one: idle, and asked again
///                            ├──▸ asked(shutdownRequested) ──▸ asked(leaseLost) ──▸ closing
///                            └──▸ asked(leaseLost) ──▸ closing
///     each ──▸ over                                                    it failed
///
/// The protocol alternates: one action, then its status; only checkpoints come in between. Facts come in, each gives the actions
/// that follow, in order.
package struct Conversation: Equatable, Sendable {
    package enum Stage: Equatable, Sendable {
        /// The processor owes the status of this.
        case asked(ProcessorAction)
        case idle
        /// Nothing is asked any more: it is to end by itself.
        case closing
        /// It is to be ended.
        case over
    }

    /// What the shard's processor is to come to; a later one goes before an earlier one.
    package enum Course: Int, Comparable, Sendable {
        case batches
        /// Everything of the shard was delivered.
        case shardEnd
        /// The shard moves, or the sidecar ends: the processor may checkpoint once more.
        case leave
        /// The shard is not ours any more.
        case lost

        package static func < (left: Course, right: Course) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Action: Equatable, Sendable {
        case send(MessageToProcessor)
        /// The next batch is wanted; `gave` follows.
        case ask
        /// The shard is done so far; `checkpointed` follows.
        case store(Progress)
        /// The shard's end has no checkpoint: `asksAgain` is to follow after a while.
        case remind
        case closeInput
        case fail(ProcessorFailure)
    }

    /// How far the shard is done, as the processor says.
    package enum Progress: Equatable, Sendable {
        case record(Checkpoint)
        /// With its end; nil: its checkpoint says the rest already.
        case shardEnd(through: Checkpoint?)
    }

    /// Messages that may come while a checkpoint is being stored, and answers that may wait for the child to read them: the
    /// libraries ask for one checkpoint, and wait for its answer.
    package static let mostUnanswered = 64

    package private(set) var stage = Stage.asked(.initialize)
    package private(set) var course = Course.batches
    /// Whether the shard's end is stored.
    private var hasFinished = false
    /// Up to where the processor has checkpointed, as it names it; nil: nothing is done.
    private(set) var stored: Checkpoint?
    /// The last record that it was given, as it names it; before the first one its checkpoint.
    private(set) var delivered: Checkpoint?
    /// The checkpoint that is being stored.
    private var storing: Storing?
    private var deferred: [MessageFromProcessor] = []

    private struct Storing: Equatable {
        let request: CheckpointRequest
        let progress: Progress
    }

    /// - Parameter checkpoint: where the shard goes on; nil: where it was begun.
    package init(behind checkpoint: Checkpoint?) {
        stored = checkpoint
        delivered = checkpoint
    }

    /// What the processor is at work on.
    var action: ProcessorAction? { if case .asked(let action) = stage { action } else { nil } }

    /// Whether a checkpoint waits for its answer.
    package var isStoring: Bool { storing != nil }
}

// MARK: - Facts

extension Conversation {
    /// A line of it has come.
    package mutating func received(_ message: MessageFromProcessor) -> [Action] {
        guard stage != .over, stage != .closing, message != .noise else { return [] }
        guard storing == nil else {
            guard deferred.count < Self.mostUnanswered else { return fail(.chatter) }
            deferred.append(message)
            return []
        }
        switch message {
        case .noise: return []
        case .status(let name): return status(of: name)
        case .checkpoint(let request): return checkpoint(request)
        }
    }

    /// A batch is on its way to it: whether it may be. The batch itself is the message.
    /// - Parameter last: its last record as a processor names it, `EncodedBatch.lastNamed`.
    package mutating func gave(through last: Checkpoint) -> Bool {
        guard stage == .idle, course == .batches, storing == nil else { return false }
        stage = .asked(.processRecords)
        delivered = last
        return true
    }

    /// There is nothing to give, and it is to hear of that.
    package mutating func gaveNothing(millisBehindLatest: Int) -> [Action] {
        guard stage == .idle, course == .batches, storing == nil else { return [] }
        stage = .asked(.processRecords)
        return [.send(.emptyBatch(millisBehindLatest: millisBehindLatest))]
    }

    /// What becomes of the shard: once the running action is answered it is said.
    package mutating func turns(to course: Course) -> [Action] {
        guard course > self.course else { return [] }
        self.course = course
        return goOn()
    }

    /// The time for `remind` has come.
    package mutating func asksAgain() -> [Action] { course == .shardEnd ? goOn() : [] }

    /// What has become of `store`.
    package mutating func checkpointed(_ fault: CheckpointFault?) -> [Action] {
        guard let storing else { return [] }
        self.storing = nil
        if fault == nil {
            switch storing.progress {
            case .record(let checkpoint): stored = checkpoint
            case .shardEnd:
                hasFinished = true
                stored = delivered
            }
        }
        guard stage != .over, stage != .closing else { return [] }
        var actions = [Action.send(.checkpoint(storing.request, fault))]
        // What was not said, or given, because of the checkpoint.
        let isIdle = stage == .idle
        let waiting = deferred
        deferred = []
        for message in waiting { actions += received(message) }
        return isIdle ? actions + goOn() : actions
    }

    /// Its input is closed, whatever it is at: it is to end by itself.
    package mutating func hungUp() {
        if stage != .over { stage = .closing }
    }

    /// It has ended, or has closed its standard output.
    package mutating func ended(_ failure: ProcessorFailure) -> [Action] { stage == .closing ? [] : fail(failure) }

    /// It goes on asking, and does not read the answers.
    mutating func overran() -> [Action] { stage == .closing ? [] : fail(.chatter) }

    /// It has had its time for the running action.
    package mutating func timedOut() -> [Action] {
        guard case .asked(let action) = stage else { return [] }
        return fail(.timedOut(action))
    }

    private mutating func fail(_ failure: ProcessorFailure) -> [Action] {
        guard stage != .over else { return [] }
        stage = .over
        deferred = []
        return [.fail(failure)]
    }
}

// MARK: - What follows

extension Conversation {
    /// The next action where nothing runs. What is being stored may be the shard's end.
    private mutating func goOn() -> [Action] {
        guard stage == .idle, storing == nil else { return [] }
        switch course {
        case .batches: return [.ask]
        case .shardEnd: return ask(.shardEnded, .shardEnded)
        case .leave: return ask(.shutdownRequested, .shutdownRequested)
        case .lost: return ask(.leaseLost, .leaseLost)
        }
    }

    private mutating func ask(_ action: ProcessorAction, _ message: MessageToProcessor) -> [Action] {
        stage = .asked(action)
        return [.send(message)]
    }

    private mutating func close() -> [Action] {
        stage = .closing
        return [.closeInput]
    }

    private mutating func status(of name: String) -> [Action] {
        guard case .asked(let action) = stage, action.rawValue == name else {
            return fail(.wrongStatus(name, insteadOf: self.action))
        }
        stage = .idle
        switch action {
        case .initialize, .processRecords: return goOn()
        case .shardEnded:
            if hasFinished { return close() }
            return course == .shardEnd ? [.remind] : goOn()
        case .shutdownRequested: return ask(.leaseLost, .leaseLost)
        case .leaseLost: return close()
        }
    }
}

// MARK: - Checkpoints

extension Conversation {
    private mutating func checkpoint(_ request: CheckpointRequest) -> [Action] {
        switch wanted(request) {
        case .failure(let fault): return [.send(.checkpoint(request, fault))]
        case .success(.record(let checkpoint)):
            // The KCL writes nothing either where nothing changes.
            guard let checkpoint, !isStored(checkpoint) else { return [.send(.checkpoint(request, nil))] }
            return store(.record(checkpoint), for: request)
        case .success(.shardEnd):
            return store(.shardEnd(through: delivered.flatMap { isStored($0) ? nil : $0 }), for: request)
        }
    }

    private mutating func store(_ progress: Progress, for request: CheckpointRequest) -> [Action] {
        storing = Storing(request: request, progress: progress)
        return [.store(progress)]
    }

    /// By place alone: when a record arrived is known of what was delivered, and not of what a processor has named.
    private func isStored(_ checkpoint: Checkpoint) -> Bool {
        guard let stored else { return false }
        return !(stored < checkpoint) && !(checkpoint < stored)
    }

    private enum Wanted {
        /// nil: nothing was delivered, and nothing is done.
        case record(Checkpoint?)
        case shardEnd
    }

    private func wanted(_ request: CheckpointRequest) -> Result<Wanted, CheckpointFault> {
        if stage == .asked(.leaseLost) || stage == .asked(.initialize) { return .failure(.invalidState) }
        if course == .lost { return .failure(.shutdown) }
        let isAtEnd = stage == .asked(.shardEnded) && !hasFinished
        guard let text = request.sequenceNumber else {
            return .success(isAtEnd ? .shardEnd : .record(delivered))
        }
        if isAtEnd, text == "SHARD_END" { return .success(.shardEnd) }
        guard let number = SequenceNumber(text), let delivered,
            let place = place(number, request.subSequenceNumber ?? 0),
            place <= delivered, stored.map({ place >= $0 }) ?? true
        else { return .failure(.illegalArgument) }
        return .success(.record(place))
    }

    /// The place that these numbers name. The number 0 names a record that is not aggregated too, all of which is done then; which
    /// of the two it is, is known of the last record that was delivered and of the checkpoint; of others whoever reads there next
    /// sees it.
    private func place(_ number: SequenceNumber, _ subSequenceNumber: Int) -> Checkpoint? {
        guard subSequenceNumber >= 0 else { return nil }
        for known in [delivered, stored] {
            guard let known, known.sequenceNumber == number, known.extent == .whole else { continue }
            return subSequenceNumber == 0 ? known : nil
        }
        return Checkpoint(sequenceNumber: number, subSequenceNumber: subSequenceNumber)
    }
}
