import State

/// How many shards each member of a group is to have. Performs no I/O.
///
/// lifion-kinesis caps: nobody takes more than the shards over the members, rounded up. Among sidecars it is a balance as
/// well: whoever has more than the cap gives the rest up, whoever has more than that rounded down what others lack to reach
/// it, and what is free is left to those that lack it. All members see the same item, and so come to the same result without
/// speaking to each other.
struct ShareOut: Equatable, Sendable {
    /// How many free shards each member may take now.
    private(set) var allowances: [MemberID: Int] = [:]
    /// How many a member gives up so that others have enough; those who give up none are left out.
    private(set) var surplus: [MemberID: Int] = [:]

    /// - Parameters:
    ///   - shards: that are not read out.
    ///   - held: how many shards each member has that counts for a share; of a lifion-kinesis process too.
    ///   - sidecars: those of them that give up shards, and take them when others do.
    init(shards: Int, held: [MemberID: Int], sidecars: Set<MemberID>) {
        guard !held.isEmpty else { return }
        let floor = shards / held.count
        let most = (shards + held.count - 1) / held.count
        let free = max(0, shards - held.values.reduce(0, +))
        var left = held.filter { sidecars.contains($0.key) }
        let lacking = left.values.reduce(0) { $0 + max(0, floor - $1) }
        for (member, count) in held {
            let beyond = min(max(0, most - max(count, floor)), max(0, free - lacking))
            allowances[member] = max(0, floor - count) + beyond
        }
        for (member, count) in left where count > most {
            left[member] = most
            surplus[member] = count - most
        }
        // What lies free need not be given up for those that lack it.
        var wanted = max(0, lacking - free - surplus.values.reduce(0, +))
        // One after the other from whoever has most then.
        while wanted > 0, let richest = left.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) {
            guard richest.value > floor else { break }
            left[richest.key] = richest.value - 1
            surplus[richest.key, default: 0] += 1
            wanted -= 1
        }
    }
}
