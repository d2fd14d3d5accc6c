import Kinesis
import State

// MARK: From the shards

extension ReadingSession {
    func ended(_ task: ShardTask, _ children: [ChildShard]) {
        logger.info("shard read to its end", metadata: ["shard": "\(task.id)", "children": "\(children.count)"])
        positions.depleted(task.id, children: children)
        tasks[task.id] = nil
        watchdogs[task.id] = nil
        task.reader.notify(task.id, .depleted)
        divideReadable()
        // The listing may know of children that the answer did not name.
        lookAgain()
    }

    func checkpointRefused(_ task: ShardTask, at position: StartingPosition) {
        positions.reset(task.id, to: nil)
        task.reader.notify(.checkpointRefused(task.id, was: position, now: task.position))
    }

    func degraded(_ task: ShardTask, _ reason: String) {
        task.reader.notify(.shardDegraded(task.id, reason: reason))
    }

    func lost(_ task: ShardTask) {
        task.reader.notify(.shardLost(task.id))
    }

    /// The stream may not be what it was: look now instead of at the next round.
    func lookAgain() {
        news.signal()
    }
}

// MARK: Shards that come, go and move

extension ReadingSession {
    func divideReadable() {
        guard !isEnding else { return }
        division.readable(positions.book.readable)
        carryOut()
    }

    /// Makes what is read what the division says.
    func carryOut() {
        guard !isEnding else { return }
        for (id, task) in tasks where leaving[id] == nil && division.owners[id] != task.reader.id {
            // Handing one shard over may have carried out the rest.
            if tasks[id] === task { release(id, task) }
        }
        for (id, owner) in division.owners where tasks[id] == nil {
            guard let reader = readers[owner] else { continue }
            start(id, for: reader)
        }
    }

    private func start(_ id: ShardID, for reader: RecordsReader) {
        let task = ShardTask(
            id, progress: positions.book.progress(of: id), initial: positions.book.start(of: id),
            iterator: positions.takeIterator(of: id), pausedBehind: pauses.removeValue(forKey: id), reader: reader,
            session: self, context: context)
        tasks[id] = task
        watchdogs[id] = ShardWatchdog(patience: context.times.patience, now: context.loop.now)
        unacknowledged[id] = nil
        if restarting.remove(id) == nil { reader.notify(id, .assigned) }
        task.start()
    }

    /// Reads no further for the reader that had the shard, and hands over when what it was given is done, or in time.
    func release(_ id: ShardID, _ task: ShardTask) {
        task.stop()
        task.reader.withdraw(id)
        guard !task.isDone else { return handOver(id) }
        leaving[id] = context.loop.schedule(after: context.times.handOver) { [weak self] in
            self?.logger.warning(
                "a shard is handed over before its last batch is done; that comes again",
                metadata: ["shard": "\(id)", "reader": "\(task.reader.id)"])
            self?.handOver(id)
        }
    }

    func handOver(_ id: ShardID) {
        guard let task = tasks[id] else { return }
        if division.owners[id] != task.reader.id { restarting.remove(id) }
        if !restarting.contains(id) { task.reader.notify(id, .revoked) }
        keepIterator(of: id, task)
        pauses[id] = task.openPause
        drop(id, task)
        carryOut()
    }

    /// Whoever reads the shard next goes on where the task ends.
    func keepIterator(of id: ShardID, _ task: ShardTask) {
        // A shard that is restarted begins with an iterator of its own: the one it had may be why it stopped.
        guard !restarting.contains(id), let iterator = task.iteratorToKeep else { return }
        positions.keep(iterator, at: id)
    }

    func drop(_ id: ShardID, _ task: ShardTask) {
        task.stop()
        if let timer = leaving.removeValue(forKey: id) { context.loop.cancel(timer) }
        tasks[id] = nil
        watchdogs[id] = nil
        withheld.remove(id)
    }

    /// Takes the shard from its reader at once: what that was given of it does not count, and the next one begins at the
    /// checkpoint, wherever that is moved.
    func takeAway(_ id: ShardID) {
        guard let task = tasks[id] else { return }
        restarting.remove(id)
        task.reader.withdraw(id)
        task.reader.notify(id, .revoked)
        drop(id, task)
    }
}

// MARK: Shards that begin again further back

extension ReadingSession {
    /// Whatever lost readers may not have read is read again.
    func provideForLosses() {
        for (shard, checkpoint) in sent.takeLosses() { rewind(shard, to: checkpoint) }
    }

    private func rewind(_ shard: ShardID, to checkpoint: Checkpoint) {
        guard positions.mustRewind(shard, to: checkpoint) else { return }
        takeAway(shard)
        positions.reset(shard, to: checkpoint)
        counters[shard].rewound()
        logger.info(
            "a shard begins again further back",
            metadata: ["shard": "\(shard)", "position": "\(positions.book.position(of: shard))"])
    }

    /// What a reader's client was sent before and may not have got is sent to the reader again.
    func resend(_ stretches: [ShardID: SentAfter.Stretch], to reader: ReaderID) {
        for (shard, stretch) in stretches where positions.book.shard(shard) != nil {
            if resends.append(ResendQueue.Resend(reader: reader, stretch: stretch), of: shard) { beginResend(shard) }
        }
    }

    /// `carryOut` is to follow.
    func beginResend(_ shard: ShardID) {
        guard let resend = resends.current(shard) else { return }
        division.unpin(shard)
        rewind(shard, to: resend.stretch.before)
        if tasks[shard]?.reader.id != resend.reader { takeAway(shard) }
        division.readable(positions.book.readable)
        division.pin(shard, to: resend.reader)
    }

    func resendEnded(_ shard: ShardID) {
        division.unpin(shard)
        beginResend(shard)
        carryOut()
    }
}
