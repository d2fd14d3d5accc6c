import Kinesis
import Logging
import Reactor
import State

// MARK: Carrying out what the assignments say

extension ReadingSession {
    /// Actions that are performed in one turn of the loop. A shard that starts asks for an iterator at once, which is some
    /// 50 µs of signing and sending, and no turn should take longer than a millisecond.
    static let actionsPerTurn = 16

    /// Performs what is to be done, in slices: the rest follows in the turns to come.
    func carryOut() {
        guard !isCarryingOut else { return }
        isCarryingOut = true
        var left = Self.actionsPerTurn
        while left > 0, let action = assignments.next(now: loop.now) {
            perform(action)
            left -= 1
        }
        isCarryingOut = false
        waitForHandOver()
        if assignments.hasWork { carryOutNextTurn() }
    }

    /// Performs all that is to be done, at the end: tasks are ended, and none is begun. Not in slices, so that no reader
    /// comes in between; takes time by the number of the session's shards.
    func carryOutAll() {
        while let action = assignments.next(now: loop.now) { perform(action) }
    }

    private func carryOutNextTurn() {
        isCarryingOut = true
        loop.spawn { [self] in
            await loop.nextTurn()
            isCarryingOut = false
            carryOut()
        }
    }

    private func waitForHandOver() {
        guard handOverTimer == nil, !isEnding, let deadline = assignments.nextDeadline else { return }
        handOverTimer = loop.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            handOverTimer = nil
            assignments.handleTimeout(now: loop.now)
            carryOut()
        }
    }

    private func perform(_ action: ShardAssignments.Action) {
        switch action {
        case .start(let id, let reader):
            guard let reader = readers[reader] else { return }
            start(id, for: reader, from: positions.takeResumePoint(of: id))
            reader.notify(id, .assigned)
        case .revoke(let id):
            guard let task = readings[id]?.task else { return }
            task.beginRevoke()
            if task.reader.isOfProcessors { task.reader.notify(id, .leaving) } else { releaseIfDone(id) }
        case .resume(let id):
            readings[id]?.task.cancelRevoke()
        case .stop(let id, _, let isTold):
            guard let task = readings[id]?.task else { return }
            if isTold { revoked(task) } else { leaveBehind(task) }
            drop(id)
            letGo(id)
        case .restart(let id, let reader):
            guard let task = readings[id]?.task, let reader = readers[reader] else { return }
            // Not with the iterator that it had: that may be why it stopped.
            let pause = task.isDone ? task.openPause : nil
            drop(id)
            start(id, for: reader, from: Positions.ResumePoint(pausedBehind: pause))
        }
    }

    private func start(_ id: ShardID, for reader: RecordsReader, from point: Positions.ResumePoint) {
        let task = ShardTask(
            id, progress: positions.book.progress(of: id), initial: positions.book.start(of: id),
            from: point.source, pausedBehind: point.pausedBehind, reader: reader, session: self,
            context: scope.engine)
        readings[id] = Reading(
            task: task, watchdog: ShardWatchdog(patience: scope.engine.times.patience, now: loop.now))
        positions.unacknowledged[id] = nil
        positions.readingBegins(id)
        task.start()
    }

    /// The shard goes to another reader, and the one that had it is still there.
    private func revoked(_ task: ShardTask) {
        if !task.isDone, positions.book.isReadable(task.id) {
            logger.warning(
                "a shard is handed over before its last batch is done; that comes again",
                metadata: ["shard": "\(task.id)", "reader": "\(task.reader.id)"])
        }
        // An open pause goes with the shard: nobody has said that reading goes on.
        positions.keep(
            .init(source: task.sourceToKeep, pausedBehind: task.isDone ? task.openPause : nil), of: task.id)
        task.reader.withdraw(task.id)
        task.reader.notify(task.id, .revoked)
    }

    /// The shard's reader has gone.
    private func leaveBehind(_ task: ShardTask) {
        positions.keep(.init(source: task.sourceToKeep), of: task.id)
        if !task.isAcknowledged { positions.unacknowledged[task.id] = task.settledProgress.checkpoint }
    }

    private func drop(_ id: ShardID) {
        readings.removeValue(forKey: id)?.task.stop()
    }

    /// The shard's position is another one now, so what its reader has of it and has not settled does not count: its task
    /// ends at once.
    func revokeAtOnce(_ id: ShardID) {
        guard assignments.withdrawn(id) != nil, let task = readings[id]?.task else { return }
        task.reader.withdraw(id)
        task.reader.notify(id, .revoked)
        drop(id)
        letGo(id)
    }

    /// Nothing of the shard is in flight any more: one that is given up may be another member's.
    private func letGo(_ id: ShardID) {
        guard !positions.book.isOurs(id) else { return }
        positions.forgetResumePoint(of: id)
        group?.note(.settled, of: id)
    }

    /// Another member of the group is to have the shard, once what is in flight is settled.
    func giveUp(_ id: ShardID) {
        if assignments.givenUp(id) { carryOut() } else { group?.note(.settled, of: id) }
    }

    /// Leases hold for longer, some of them after they had ended by this process's clock.
    func leasesRenewed() {
        for reader in readers.values { reader.leasesRenewed() }
    }

    /// Another member of the group may read the shard already.
    func leaseLost(_ id: ShardID) {
        revokeAtOnce(id)
        takeReadable()
    }

    /// What is waited for before the shard moves, or begins anew, may be done. A record processor says itself when it is.
    func releaseIfDone(_ id: ShardID) {
        guard let task = readings[id]?.task, task.isDone, task.openPause == nil else { return }
        guard !task.reader.isOfProcessors else { return }
        assignments.released(id, now: loop.now)
        carryOut()
    }

    /// The book may say of other shards than before that they are to be read.
    func takeReadable() {
        assignments.readable(positions.book.readable)
        carryOut()
    }
}
