import Kinesis

/// How an application of record processors looks from outside.
package struct ProcessorsSnapshot: Sendable {
    /// What a shard's child is at; the raw values are shown.
    package enum State: String, CaseIterable, Sendable {
        /// It was started, and has not answered `initialize`.
        case initializing
        /// It waits for records.
        case idle
        case processing
        /// It was told that its shard ends or goes, or its input is closed.
        case ending
        /// It failed, and its process is being ended.
        case failed
        /// None runs before a pause is over.
        case waiting
        /// Too many have failed one after the other.
        case givenUp
    }

    /// A shard and its child.
    package struct Child: Sendable {
        package let shard: ShardID
        /// nil: none runs.
        package let pid: Int32?
        package let state: State
        /// For how long the running action runs.
        package let actionTime: Duration?
        /// Children that were started in the place of one that failed.
        package let restarts: Int
        /// Children that failed one after the other.
        package let failuresInRow: Int
        /// Batches that were answered, and the time that took.
        package let batches: Int
        package let processingTime: Duration
        /// Lines of standard error of the child that runs, and those among them that the log does not have.
        package let errorLines: Int
        package let errorLinesLost: Int
        /// The last one that was stored here.
        package let lastCheckpoint: Checkpoint?
        package let lastFailure: String?
    }

    package let stream: StreamName
    package let group: String
    package let command: [String]
    /// In the order of the shards' names.
    package let children: [Child]
}

extension RecordProcessors {
    /// Takes time by the number of shards that this process has.
    package var snapshot: ProcessorsSnapshot {
        ProcessorsSnapshot(
            stream: stream, group: group, command: options.command,
            children: plan.slots.sorted { $0.key < $1.key }.map { child($0.key, $0.value) })
    }

    private func child(_ shard: ShardID, _ slot: ChildPlan.Slot) -> ProcessorsSnapshot.Child {
        let processor = processors[shard]
        let history = histories[shard]
        let restarts = plan.restarts[shard]
        return ProcessorsSnapshot.Child(
            shard: shard, pid: processor?.pid, state: state(slot, processor),
            actionTime: processor.flatMap { $0.conversation.action == nil ? nil : loop.now - $0.askedOn },
            restarts: restarts?.restarts ?? 0, failuresInRow: restarts?.failuresInRow ?? 0,
            batches: history?.batches ?? 0, processingTime: history?.processingTime ?? .zero,
            errorLines: processor?.counts?.errorLines ?? 0, errorLinesLost: processor?.counts?.errorLinesLost ?? 0,
            lastCheckpoint: history?.lastCheckpoint, lastFailure: history?.lastFailure)
    }

    private func state(_ slot: ChildPlan.Slot, _ processor: ShardProcessor?) -> ProcessorsSnapshot.State {
        switch slot {
        case .fails: .failed
        case .pauses(.betweenChildren), .pauses(.over): .waiting
        case .pauses(.givenUp), .pauses(.leftToOthers): .givenUp
        case .works, .leaves: processor?.conversation.state ?? .initializing
        }
    }
}

extension Conversation {
    fileprivate var state: ProcessorsSnapshot.State {
        switch stage {
        case .asked(.initialize): .initializing
        case .asked(.processRecords): .processing
        // Between two times that its shard's end is asked for.
        case .idle: course == .batches ? .idle : .ending
        case .asked(.shardEnded), .asked(.shutdownRequested), .asked(.leaseLost), .closing: .ending
        case .over: .failed
        }
    }
}
