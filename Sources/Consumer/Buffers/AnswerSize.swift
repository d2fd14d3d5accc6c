/// Guesses how large a shard's next GetRecords answer is, so that the room for it is taken before it is asked for.
/// Performs no I/O.
struct AnswerSize: Equatable, Sendable {
    /// What an idle shard's answer is taken for: its empty answers are smaller, but records may come at any time.
    static let least = 1 << 20
    /// 10 MiB of data are 13.4 MiB as base64; the rest is for keys, sequence numbers and JSON.
    static let most = 15 << 20

    /// Bytes of answer to make room for.
    private(set) var next: Int

    /// - Parameter isBehind: whether records are likely to lie ahead, as in a shard that is read from its beginning.
    init(isBehind: Bool) {
        next = isBehind ? Self.most : Self.least
    }

    /// - Parameter isBehind: whether the answer said that more lies ahead.
    mutating func answered(bytes: Int, isBehind: Bool) {
        // A shard that catches up may bring twice as much next time; one at its tip falls back by halves.
        let wanted = isBehind ? max(bytes * 2, next) : max(bytes * 2, next / 2)
        next = min(max(wanted, Self.least), Self.most)
    }
}
