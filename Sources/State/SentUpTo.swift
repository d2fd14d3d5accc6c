import Kinesis

/// What one reader was sent, up to one of its events, as far as one place knows: the delivery log, or what waits to be
/// stored in it. Performs no I/O.
struct SentUpTo: Equatable, Sendable {
    /// The number of the reader's newest event, also behind that one.
    var newest: Int
    /// Of each shard the last event. Not the one with the furthest record: a shard may have begun again further back in
    /// between.
    var last: [ShardID: SentEvent]

    init(newest: Int, last: [ShardID: SentEvent]) {
        self.newest = newest
        self.last = last
    }

    /// nil: none of these changes is an event of the reader.
    init?(_ event: EventID, of key: ConsumerKey, in changes: some Sequence<ChangeQueue.Entry>) {
        self.init(newest: 0, last: [:])
        for entry in changes where entry.consumer.key == key {
            guard case .delivered(let sent) = entry.change, sent.id.reader == event.reader else { continue }
            newest = max(newest, sent.id.number)
            guard sent.id.number <= event.number, sent.id.number > last[sent.shard]?.number ?? 0 else { continue }
            last[sent.shard] = SentEvent(
                number: sent.id.number, last: sent.last, seek: sent.seek, records: sent.records)
        }
        if newest == 0 { return nil }
    }

    /// What both places know.
    func with(_ other: SentUpTo?) -> SentUpTo {
        guard let other else { return self }
        return SentUpTo(
            newest: max(newest, other.newest),
            last: last.merging(other.last) { $0.number > $1.number ? $0 : $1 })
    }
}
