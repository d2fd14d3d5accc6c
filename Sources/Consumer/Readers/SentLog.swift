import Kinesis
import Reactor
import State
import Time

/// What one consumer's readers were sent: the writer of its delivery log, and what readers that are lost may not have
/// read. Confined to its loop.
///
/// The log itself lies in the store; here is what a connection's end needs at once, whatever the store can do.
final class SentLog: @unchecked Sendable {
    private let key: ConsumerKey
    /// nil: nothing is kept.
    private let store: StateStore?
    private var windows: [ReaderID: UnreadWindow] = [:]
    /// What lost readers may not have read and nobody has provided for.
    private var losses: [ReaderID: [ShardID: Checkpoint]] = [:]
    private var streaks = LossStreaks()
    /// Whose readers they are; nil until `load`.
    private var consumer: ConsumerIncarnation?

    init(of key: ConsumerKey, in store: StateStore?) {
        self.key = key
        self.store = store
    }

    // MARK: Facts

    /// Takes in whom an earlier process has lost. Once for each incarnation of the stream, before its first reader joins.
    func load(streamCreatedOn: WallTime) async throws(StateError) {
        let consumer = ConsumerIncarnation(key, streamCreatedOn: streamCreatedOn)
        guard self.consumer != consumer else { return }
        let lost = try await store?.lostReaders(of: key) ?? []
        losses = Dictionary(uniqueKeysWithValues: lost.map { ($0.id, $0.unread) })
        self.consumer = consumer
    }

    /// The log cannot be read, and others say where the shards stand: whom an earlier process has lost is not provided for.
    func begin(streamCreatedOn: WallTime) {
        let consumer = ConsumerIncarnation(key, streamCreatedOn: streamCreatedOn)
        self.consumer = consumer
        losses.removeAll()
        note(.lossesForgotten(at: .now()))
    }

    /// - Parameters:
    ///   - unreadBytes: how much of what is sent to it last counts as unread when it is lost.
    ///   - former: the reader of whose events its client named one.
    func joined(_ reader: ReaderID, unreadBytes: Int, following former: ReaderID? = nil) {
        windows[reader] = UnreadWindow(bytes: unreadBytes)
        note(.readerJoined(reader, at: .now(), unreadBytes: unreadBytes, following: former))
    }

    /// Returns once the readers that have joined are in the log; at once where nothing can be kept for now.
    func commitJoined() async {
        await store?.commitIfPossible()
    }

    /// A reader's socket has taken an event. One of an earlier incarnation of the stream names no place in this one.
    /// - Parameter counts: the shard was not put elsewhere since it was read.
    func sent(_ event: DeliveredEvent, streamCreatedOn: WallTime, counts: Bool) {
        guard streamCreatedOn == consumer?.streamCreatedOn else { return }
        if counts {
            windows[event.id.reader]?.sent(event.shard, from: event.before, endOffset: event.endOffset)
        }
        note(.delivered(event))
    }

    func ended(_ reader: ReaderID, isLost: Bool) {
        guard let window = windows.removeValue(forKey: reader) else { return }
        let unread = isLost ? window.unread : [:]
        if !unread.isEmpty { losses[reader] = unread }
        note(.readerEnded(reader, at: .now(), isLost: !unread.isEmpty))
    }

    /// As `LossStreaks.lost`.
    func lost(_ event: GivenEvent, now: EventLoop.Instant) -> Int? {
        streaks.lost(event, now: now)
    }

    /// The stream was made anew: what was sent of the old one is of no use.
    func beginAnew(streamCreatedOn: WallTime) {
        consumer = ConsumerIncarnation(key, streamCreatedOn: streamCreatedOn)
        losses.removeAll()
        streaks = LossStreaks()
        for (reader, window) in windows { joined(reader, unreadBytes: window.bytes) }
    }

    private func note(_ change: StateChange) {
        if let consumer { store?.note(change, of: consumer) }
    }

    // MARK: Losses

    /// Where each shard goes on if no lost reader read its last bytes, for whoever provides for that: nobody is told
    /// again.
    func takeLosses() -> [ShardID: Checkpoint] {
        guard !losses.isEmpty else { return [:] }
        defer { settle(Array(losses.keys)) }
        return losses.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: min) }
    }

    /// Somebody has put the shards elsewhere: what was sent of them comes again no more.
    func forget(_ shards: Set<ShardID>) {
        for reader in windows.keys { windows[reader]?.forget(shards) }
        for (reader, loss) in losses { losses[reader] = loss.filter { !shards.contains($0.key) } }
    }

    /// The reader has said itself what it got.
    func settle(_ readers: [ReaderID]) {
        let known = readers.filter { losses.removeValue(forKey: $0) != nil }
        if !known.isEmpty { note(.lossesSettled(known)) }
    }

    // MARK: Questions

    /// The reader and those that came back naming an event of it, or of one of those; empty when the log does not know it.
    func line(from reader: ReaderID) async throws(StateError) -> [ReaderID] {
        try await store?.line(from: reader, of: key) ?? []
    }

    /// What the event's client was sent after it; nil when the log does not know the event's reader.
    func sent(after event: EventID) async throws(StateError) -> SentAfter? {
        try await store?.sent(after: event, of: key)
    }

    /// The last event of each shard that the event's reader was sent, up to the event; nil when the log does not know the
    /// event.
    func sent(upTo event: EventID) async throws(StateError) -> [ShardID: SentEvent]? {
        try await store?.sent(upTo: event, of: key)
    }

    /// What the log knows of a record.
    func record(_ number: SequenceNumber, of shard: ShardID) async throws(StateError) -> RecordInLog {
        try await store?.record(number, of: shard, of: key) ?? .unknown
    }

    /// The furthest record of the shard that any reader was sent.
    func furthestSent(_ shard: ShardID, under seek: SeekID?) async throws(StateError) -> FurthestSent {
        try await store?.furthestSent(shard, under: seek, of: key) ?? FurthestSent(now: nil, before: nil)
    }
}
