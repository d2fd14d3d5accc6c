import Kinesis
import State
import Time

/// One consumer's `ShardBook` together with its place in the store, if it has one: what becomes true in the one is noted
/// in the other. Confined to its loop.
final class Positions: @unchecked Sendable {
    private(set) var book: ShardBook
    private let key: ConsumerKey
    /// nil: nothing is kept.
    private let store: StateStore?
    /// Iterators that stand at a shard's position, kept while the shard has no reader. They live 5 minutes; an expired
    /// one is replaced by whoever uses it.
    private var iterators: [ShardID: (iterator: ShardIterator, position: ReadPosition)] = [:]

    init(_ book: ShardBook, of key: ConsumerKey, in store: StateStore?) {
        self.book = book
        self.key = key
        self.store = store
    }

    // MARK: Facts

    func settled(_ shard: ShardID, _ checkpoint: Checkpoint) {
        guard book.checkpoint(shard, checkpoint) else { return }
        store?.note(.checkpoint(shard, checkpoint), of: key)
    }

    func depleted(_ shard: ShardID, children: [ChildShard]) {
        let added = book.depleted(shard, children: children)
        store?.note(.deplete(shard, children: added), of: key)
    }

    /// The shard goes on from here, whatever was so before.
    func reset(_ shard: ShardID, to checkpoint: Checkpoint?) {
        guard book.shard(shard) != nil else { return }
        book.reset(shard, to: checkpoint)
        store?.note(.reset(shard, checkpoint), of: key)
    }

    /// Whether the shard is further on than this, or read out.
    func mustRewind(_ shard: ShardID, to checkpoint: Checkpoint) -> Bool {
        guard let state = book.shard(shard) else { return false }
        return state.isDepleted || book.progress(of: shard) > .through(checkpoint)
    }

    /// Returns the shards that were not known before.
    func listed(_ listing: [Shard]) -> [ShardState] {
        let added = book.update(listing)
        if !added.isEmpty { store?.note(.add(added), of: key) }
        let trimmed = book.forgetTrimmed()
        if !trimmed.isEmpty { store?.note(.forget(trimmed), of: key) }
        return added
    }

    /// Takes a new reader's option and the newest listing in, and returns when a change of what LATEST means is
    /// committed. Returns whether LATEST means this moment from now on, because none was taken before.
    func begin(
        from initial: InitialPosition, at moment: WallTime, _ listing: [Shard]
    ) async throws(StateError) -> Bool {
        _ = listed(listing)
        var begun = book
        guard begun.begin(from: initial, at: moment) else {
            book = begun
            return false
        }
        try await store?.begin(key, begun.state)
        book = begun
        return true
    }

    /// The positions of a stream that was made under the name of this one while it was being read.
    func beginAnew(_ summary: StreamSummary, _ listing: [Shard], from initial: InitialPosition)
        async throws(StateError) -> Positions
    {
        let book = ShardBook(
            begunAt: summary.creation, of: listing, createdOn: summary.creation, from: initial, isNewStream: true)
        try await store?.begin(key, book.state, isNewStream: true)
        return Positions(book, of: key, in: store)
    }

    // MARK: Iterators

    /// Keeps an iterator that stands where the shard's next reader is to begin.
    func keep(_ iterator: ShardIterator, at shard: ShardID) {
        iterators[shard] = (iterator, book.position(of: shard))
    }

    /// Hands out the kept iterator, if the shard's position is still the one that it stands at.
    func takeIterator(of shard: ShardID) -> ShardIterator? {
        guard let kept = iterators.removeValue(forKey: shard), kept.position == book.position(of: shard) else {
            return nil
        }
        return kept.iterator
    }

    func dropIterators() {
        iterators.removeAll()
    }
}
