import Time

/// How far a tail has got: which records are new, and where it goes on behind a lost connection. Performs no I/O.
///
/// A tail has no group, so that nothing is kept of it elsewhere: it asks again from the earliest moment that one of its
/// shards may need, and passes over what it has shown.
struct TailCursor {
    /// A record's place in its shard.
    struct Place: Comparable {
        /// Decimal, too long for an integer: compares by length, then text.
        let number: String
        /// Of a record that was aggregated with others.
        let sub: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.number.utf8.count, left.number, left.sub) < (right.number.utf8.count, right.number, right.sub)
        }
    }

    private struct Shard {
        var last: Place
        var arrival: WallTime
    }

    private let start: TailOptions.Place
    private var shards: [String: Shard] = [:]
    /// Shards of which nothing has been shown.
    private var silent: Set<String> = []
    /// When a tail from LATEST began, by the sidecar's clock.
    private var began: WallTime?
    /// With a group: the last event's id.
    private(set) var lastEvent: String?
    /// With a group: what was shown and not acknowledged yet.
    private var shown: [Acknowledgement] = []

    /// What the group has processed: what was written where the records are wanted.
    enum Acknowledgement: Equatable {
        /// An event, and all before it.
        case event(String)
        /// A record, and all before it in its shard; `sub` is nil of one that was not aggregated.
        case record(shard: String, number: String, sub: Int?)
    }

    init(from start: TailOptions.Place) {
        self.start = start
    }

    /// A response has begun.
    mutating func connected(at now: WallTime) {
        if began == nil { began = now }
    }

    mutating func assigned(_ shard: String) {
        if shards[shard] == nil { silent.insert(shard) }
    }

    /// Whether a record is to be shown: it has not been yet.
    mutating func admits(_ place: Place, of shard: String, arrival: WallTime) -> Bool {
        if let last = shards[shard]?.last, place <= last { return false }
        shards[shard] = Shard(last: place, arrival: arrival)
        silent.remove(shard)
        return true
    }

    mutating func ended(event: String) {
        lastEvent = event
        shown = [.event(event)]
    }

    /// The event has more records than were shown.
    mutating func stopped(behind number: String, sub: Int?, of shard: String) {
        shown.append(.record(shard: shard, number: number, sub: sub))
    }

    /// What is to be acknowledged once what was shown is written.
    mutating func takeShown() -> [Acknowledgement] {
        defer { shown = [] }
        return shown
    }

    /// Where the next request begins. The moment of a shard's last record, not behind it: others may have arrived in it.
    var next: TailOptions.Place {
        var moments = shards.values.map(\.arrival)
        if !silent.isEmpty || moments.isEmpty {
            guard start == .latest, let began else { return start }
            moments.append(began)
        }
        return moments.min().map { .moment($0.iso8601) } ?? start
    }
}
