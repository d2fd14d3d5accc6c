/// The entries that wait for another attempt, ordered by when they may go, then by arrival. At most the records of the
/// unanswered puts, which `maxPutBytes` bounds.
struct RetryQueue {
    private struct Waiting {
        var due: PutBatcher.Instant
        var entry: PutBatcher.Entry
    }

    private var waiting: [Waiting] = []
    /// Entries before this index have been taken.
    private var head = 0

    var nextDue: PutBatcher.Instant? { head < waiting.count ? waiting[head].due : nil }

    func first(dueBy now: PutBatcher.Instant) -> PutBatcher.Entry? {
        guard head < waiting.count, waiting[head].due <= now else { return nil }
        return waiting[head].entry
    }

    mutating func removeFirst() {
        head += 1
        if head * 2 >= waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
    }

    /// These go before all others.
    mutating func putFirst(_ entries: [PutBatcher.Entry], now: PutBatcher.Instant) {
        let due = min(now, nextDue ?? now)
        waiting.insert(contentsOf: entries.map { Waiting(due: due, entry: $0) }, at: head)
    }

    /// Those that `isMeant` says may go at `now`, where they would go later.
    mutating func hasten(to now: PutBatcher.Instant, where isMeant: (PutBatcher.Entry) -> Bool) {
        let later = waiting[head...]
        waiting.removeAll()
        head = 0
        for one in later where one.due <= now { waiting.append(one) }
        for one in later where one.due > now && isMeant(one.entry) {
            waiting.append(Waiting(due: now, entry: one.entry))
        }
        for one in later where one.due > now && !isMeant(one.entry) { waiting.append(one) }
    }

    mutating func insert(_ entry: PutBatcher.Entry, due: PutBatcher.Instant) {
        var low = head
        var high = waiting.count
        while low < high {
            let middle = (low + high) / 2
            if waiting[middle].due <= due { low = middle + 1 } else { high = middle }
        }
        waiting.insert(Waiting(due: due, entry: entry), at: low)
    }
}
