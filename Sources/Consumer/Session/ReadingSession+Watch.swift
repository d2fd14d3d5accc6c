import Kinesis
import Logging
import Reactor

// MARK: Watching the shards

extension ReadingSession {
    func watchLater() {
        watchTimer = loop.schedule(after: scope.engine.times.patience / 7) { [weak self] in self?.lookAtShards() }
    }

    /// Restarts the shards that have stopped without a reason, each behind what is settled of it.
    private func lookAtShards() {
        guard !isEnding else { return }
        watchLater()
        for (id, reading) in readings {
            guard case .reading = assignments.slot(of: id) else { continue }
            guard let verdict = readings[id]?.watchdog.look(reading.task.sight, now: loop.now) else { continue }
            logger.error(
                "the shard gets nowhere; it is restarted",
                metadata: [
                    "shard": "\(id)", "reason": "\(verdict.activity)",
                    "milliseconds": .stringConvertible(verdict.overdue.wholeMilliseconds),
                    "position": "\(reading.task.position)",
                ])
            counters[id].restarted(because: verdict.activity)
            // What a record processor has is its own until it checkpoints: another one begins behind that.
            guard !reading.task.reader.isOfProcessors else {
                revokeAtOnce(id)
                continue
            }
            guard assignments.stalled(id, now: loop.now) else { continue }
            reading.task.beginRevoke()
            releaseIfDone(id)
        }
        carryOut()
        scope.fanOut.tryAgain(options, on: readings.keys.randomElement())
    }
}

// MARK: Evicting what others need

extension ReadingSession {
    /// Lets go what is held for readers that have taken nothing since then, and for shards that pause. It is asked for
    /// again once they go on.
    func evictHeld(since moment: EventLoop.Instant) {
        guard !isEnding else { return }
        for (id, reading) in readings where reading.task.holdsForReader {
            guard case .reading = assignments.slot(of: id) else { continue }
            guard reading.task.reader.isStalled(id, since: moment) || reading.task.isPaused else { continue }
            logger.debug("held records are given up for others", metadata: ["shard": "\(id)"])
            reading.task.evict()
            assignments.evicted(id)
        }
    }

    /// Whether a reader gets nothing because others hold all the room.
    var isStarving: Bool {
        readers.values.contains { $0.isWaiting && scope.engine.budget.isStarving($0.holder) }
    }

    /// Of the readers that have taken nothing since then the one that holds the most.
    func heaviest(since moment: EventLoop.Instant) -> (reader: RecordsReader, bytes: Int)? {
        readers.values.filter { $0.isStalled(since: moment) }
            .map { ($0, scope.engine.budget.held(by: $0.holder)) }
            .filter { $0.1 > 0 }.max { $0.1 < $1.1 }
    }
}
