import Kinesis
import Reactor
import State

/// What a record processor is at, as far as it takes records.
enum ProcessorTurn: Equatable, Sendable {
    /// It waits for its next batch.
    case asked
    /// It has work since then, or is not there yet.
    case busy(since: EventLoop.Instant)
}

// MARK: A reader of record processors

extension RecordsReader {
    /// Where a shard's processor begins: behind a checkpoint, or where the shard was begun.
    package struct Beginning: Equatable, Sendable {
        package let checkpoint: Checkpoint?
        package let initial: StartingPosition
    }

    /// nil: the shard is not this reader's any more.
    package func beginning(of shard: ShardID) -> Beginning? {
        guard let book = session?.positions.book, isReading(shard) else { return nil }
        return Beginning(checkpoint: book.progress(of: shard).checkpoint, initial: book.start(of: shard))
    }

    /// From one look at a shard that has nothing to the next.
    package var noRecordsPollDelay: Duration {
        session?.options.noRecordsPollDelay ?? ConsumerOptions().noRecordsPollDelay
    }

    /// Milliseconds by which the shard's processor is behind; nil before the first response.
    package func lag(of shard: ShardID) -> Int? { session?.task(of: shard)?.lag(now: loop.now) }

    /// The shard's processor waits for its next batch. One whose shard has gone, or has begun anew, and that has not heard of it yet,
    /// gets none: what is read of the shard now is its successor's.
    package func ask(for shard: ShardID) {
        guard isReading(shard), !notices.tellsOfChange(of: shard) else { return }
        turns[shard] = .asked
        session?.readOn(shard)
        announce()
    }

    /// The shard's processor is over. A shard that is to move does so now; any other begins anew behind its checkpoint, with
    /// `.revoked` and `.assigned`.
    package func letGo(_ shard: ShardID) {
        guard isReading(shard) else { return }
        session?.letGo(processed: shard)
    }

    /// The shard's processors fail: another member of the group is to have the shard. Returns whether it is given up; not where
    /// this process is alone.
    /// - Parameter reason: of the last one; it is told for as long as nobody has the shard.
    package func giveUp(_ shard: ShardID, for absence: Duration, because reason: String) -> Bool {
        guard isReading(shard) else { return false }
        return session?.group?.leaveToOthers(shard, for: absence, because: reason) ?? false
    }

    private func isReading(_ shard: ShardID) -> Bool { session?.task(of: shard)?.reader === self }

    // MARK: From the reader

    func isAsked(for shard: ShardID) -> Bool { !isOfProcessors || turns[shard] == .asked }

    func isBusy(_ shard: ShardID, since moment: EventLoop.Instant) -> Bool {
        if case .busy(let since) = turns[shard] { since <= moment } else { false }
    }

    func noteTurn(of shard: ShardID, _ change: ShardNotice.Change) {
        switch change {
        case .assigned: turns[shard] = .busy(since: loop.now)
        case .revoked, .depleted:
            turns[shard] = nil
            // What its processor did not take, because it failed, holds no room any more.
            unsettled = unsettled.filter { $0.value.shard != shard }
        case .leaving, .ending: break
        }
    }
}
