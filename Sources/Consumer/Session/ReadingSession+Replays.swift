import Kinesis
import Logging
import State

// MARK: Shards that go back

extension ReadingSession {
    /// Whatever lost readers may not have read is read again.
    func provideForLosses() {
        rewind(scope.sent.takeLosses())
    }

    /// The shards go back to these places, where they are further on, and all of their descendants that have begun to their
    /// own beginnings: a child's record that was delivered comes again behind its parents' records. What is in flight of any
    /// of them moves no checkpoint. `carryOut` is to follow.
    func rewind(_ places: [ShardID: Checkpoint]) {
        let moved = positions.rewind(places)
        guard !moved.isEmpty else { return }
        for id in moved {
            revokeAtOnce(id)
            counters[id].rewound()
            logger.info(
                "a shard begins again further back",
                metadata: ["shard": "\(id)", "position": "\(positions.book.position(of: id))"])
        }
        assignments.readable(positions.book.readable)
    }

    /// The shard's checkpoint was moved by force: reading begins there.
    func wasReset(_ moved: [ShardID]) {
        for id in moved { revokeAtOnce(id) }
        takeReadable()
    }

    /// The shards were put elsewhere: reading begins there, and nothing of what was sent before counts.
    func sought(_ shards: [ShardID]) {
        assignments.forgetReplays(of: shards)
        for id in shards {
            revokeAtOnce(id)
            logger.notice(
                "a shard goes on elsewhere",
                metadata: ["shard": "\(id)", "position": "\(positions.book.position(of: id))"])
        }
        takeReadable()
    }

    // MARK: Replays

    /// What a reader's client was sent before and may not have got is sent to the reader again. `carryOut` is to follow.
    func replay(_ stretches: [ShardID: SentAfter.Stretch], to reader: ReaderID) {
        var begun: [ShardID: Replay] = [:]
        for (shard, stretch) in stretches where positions.book.shard(shard) != nil {
            let replay = Replay(reader: reader, stretch: stretch)
            if assignments.asked(replay, of: shard) { begun[shard] = replay }
        }
        begin(begun)
    }

    /// It is these replays' turn. `carryOut` is to follow.
    func begin(_ replays: [ShardID: Replay]) {
        rewind(replays.mapValues(\.stretch.before))
        // What another reader has in flight of them comes again in any case, behind what is replayed.
        for (id, replay) in replays where assignments.slot(of: id).reader != replay.reader { revokeAtOnce(id) }
    }
}
