import Logging
import Reactor

// MARK: Watching the shards

extension ReadingSession {
    func watchLater() {
        watch = context.loop.schedule(after: context.times.patience / 7) { [weak self] in self?.lookAtShards() }
    }

    /// Restarts the shards that have stopped without a reason, each behind what is settled of it.
    private func lookAtShards() {
        guard !isEnding else { return }
        watchLater()
        for (id, task) in tasks where leaving[id] == nil {
            guard let verdict = watchdogs[id]?.look(task.sight, now: context.loop.now) else { continue }
            logger.error(
                "the shard gets nowhere; it is restarted",
                metadata: [
                    "shard": "\(id)", "reason": "\(verdict.activity)", "overdue": "\(verdict.overdue)",
                    "position": "\(task.position)",
                ])
            counters[id].restarted(because: verdict.activity)
            restarting.insert(id)
            release(id, task)
        }
    }
}

// MARK: Giving up what others need

extension ReadingSession {
    /// Lets go what is held for readers that have taken nothing since then, and for shards that pause. It is asked for
    /// again once they go on.
    func giveUpHeld(since moment: EventLoop.Instant) {
        guard !isEnding else { return }
        for (id, task) in tasks where leaving[id] == nil && task.holdsForReader {
            guard task.reader.isStalled(since: moment) || task.isPaused else { continue }
            logger.debug("held records are given up for others", metadata: ["shard": "\(id)"])
            task.evict()
            withheld.insert(id)
        }
    }

    /// Whether a reader gets nothing because others hold all the room.
    var isStarving: Bool {
        readers.values.contains { $0.isWaiting && context.budget.isStarving($0.holder) }
    }

    /// Of the readers that have taken nothing since then the one that holds the most.
    func heaviest(since moment: EventLoop.Instant) -> (reader: RecordsReader, bytes: Int)? {
        readers.values.filter { $0.isStalled(since: moment) }
            .map { ($0, context.budget.held(by: $0.holder)) }
            .filter { $0.1 > 0 }.max { $0.1 < $1.1 }
    }

    /// The reader has taken everything that it was given, and waits for more.
    func waits(_ reader: RecordsReader) {
        guard !withheld.isEmpty else { return }
        for id in withheld where tasks[id]?.reader === reader {
            withheld.remove(id)
            tasks[id]?.readerWaits()
        }
    }
}
