/// Guesses how large a shard's next GetRecords response is, so that the room for it is taken before it is asked for, and how
/// many records fit into the room that there is. Performs no I/O.
struct ResponseSize: Equatable, Sendable {
    /// What an idle shard's response is taken for: its empty responses are smaller, but records may come at any time.
    static let least = 1 << 20
    /// 10 MiB of data are 13.4 MiB as base64; the rest is for keys, sequence numbers and JSON.
    static let most = 15 << 20
    /// What a record is taken for before one was seen, so that a first response is not much larger than the least room.
    static let unknownRecord = 256 << 10

    /// Bytes of response to make room for.
    private(set) var next: Int
    /// Bytes of response that a record takes, nil before one was seen: fast up and slow down, since too many records are
    /// what hurts.
    private var recordBytes: Int?
    /// Records that were asked for last.
    private var asked = Int.max

    /// - Parameter isBehind: whether records are likely to lie ahead, as in a shard that is read from its beginning.
    init(isBehind: Bool) {
        next = isBehind ? Self.most : Self.least
    }

    /// The least room with which anything is asked for: what a record is taken for.
    var leastRoom: Int { max(recordBytes ?? 0, Self.least) }

    /// Records to ask for, so that the response fits into the room.
    mutating func records(in room: Int, atMost limit: Int) -> Int {
        let fitsAny = room >= Self.most && room > leastRoom
        asked = fitsAny ? limit : min(limit, max(1, room / (recordBytes ?? Self.unknownRecord)))
        return asked
    }

    /// There was no room for a response of so many bytes: fewer records are asked for, and more room. After a response of
    /// one record nothing is asked for until there is room for the whole of it, however large it is.
    mutating func refused(bytes: Int) {
        recordBytes = max((recordBytes ?? Self.unknownRecord) * 2, bytes / max(asked, 1) + 1)
        next = max(next, min(bytes, Self.most), leastRoom)
    }

    /// - Parameters:
    ///   - records: 0 where the response had none.
    ///   - isBehind: whether the response said that more lies ahead.
    mutating func received(bytes: Int, records: Int, isBehind: Bool) {
        if records > 0 {
            let average = bytes / records + 1
            // Of a few records an average says little.
            let before = recordBytes ?? average * 3
            recordBytes = average > before ? average : (before + average) / 2
        }
        // A shard that catches up may bring twice as much next time; one at its tip falls back by halves.
        var wanted = isBehind ? max(bytes * 2, next) : max(bytes * 2, next / 2)
        if isBehind, records >= asked { wanted = max(wanted, next * 2) }
        next = max(min(wanted, Self.most), leastRoom)
    }
}
