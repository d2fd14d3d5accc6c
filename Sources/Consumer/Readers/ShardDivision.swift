import Kinesis
import State

/// Decides which of a consumer's readers reads which shard. Performs no I/O.
///
/// Each shard has one reader; no reader has two shards more than another. It is sticky: whoever comes or goes, as few
/// shards move as that allows, and what two equal choices would do is decided by the order in which the readers came, so
/// that it can be foreseen.
///
/// A shard may be pinned to a reader, which gets it whatever the balance: it has to get records again that were sent to
/// it before. The others' balance is made around that.
struct ShardDivision: Equatable, Sendable {
    /// In the order in which they came.
    private(set) var readers: [ReaderID] = []
    private(set) var owners: [ShardID: ReaderID] = [:]
    private(set) var pins: [ShardID: ReaderID] = [:]

    /// In the order of their names.
    func shards(of reader: ReaderID) -> [ShardID] {
        owners.filter { $0.value == reader }.keys.sorted()
    }

    // MARK: Facts

    /// A reader has come.
    mutating func joined(_ reader: ReaderID) {
        precondition(!readers.contains(reader))
        readers.append(reader)
        divide()
    }

    /// A reader has gone; its shards go to the others.
    mutating func left(_ reader: ReaderID) {
        readers.removeAll { $0 == reader }
        owners = owners.filter { $0.value != reader }
        pins = pins.filter { $0.value != reader }
        unowned = Set(known.filter { owners[$0] == nil })
        divide()
    }

    /// The shards that may be read now.
    mutating func readable(_ shards: some Sequence<ShardID>) {
        known = Set(shards)
        owners = owners.filter { known.contains($0.key) }
        pins = pins.filter { known.contains($0.key) }
        unowned = Set(known.filter { owners[$0] == nil })
        divide()
    }

    /// From here on the shard is that reader's. Of two that want it the first one has it.
    mutating func pin(_ shard: ShardID, to reader: ReaderID) {
        guard readers.contains(reader), known.contains(shard), pins[shard] == nil else { return }
        pins[shard] = reader
        owners[shard] = reader
        unowned.remove(shard)
        divide()
    }

    /// The shard may move again.
    mutating func unpin(_ shard: ShardID) {
        guard pins.removeValue(forKey: shard) != nil else { return }
        divide()
    }

    /// Every shard may move again.
    mutating func unpinAll() {
        pins.removeAll()
        divide()
    }

    // MARK: Dividing

    private var known: Set<ShardID> = []
    private var unowned: Set<ShardID> = []

    private mutating func divide() {
        guard !readers.isEmpty else { return owners.removeAll() }
        var held = Dictionary(uniqueKeysWithValues: readers.map { ($0, [ShardID]()) })
        for (shard, owner) in owners { held[owner]?.append(shard) }
        for shard in unowned.sorted() {
            let reader = poorest(held)
            owners[shard] = reader
            held[reader]?.append(shard)
        }
        unowned.removeAll()
        while let (shard, reader) = nextMove(held) {
            if let owner = owners[shard] { held[owner]?.removeAll { $0 == shard } }
            owners[shard] = reader
            held[reader]?.append(shard)
        }
    }

    /// One shard from whoever has the most that may move to whoever has the fewest, while that evens them out.
    private func nextMove(_ held: [ReaderID: [ShardID]]) -> (ShardID, to: ReaderID)? {
        let poor = poorest(held)
        var rich: (shard: ShardID, count: Int)?
        // Of equals the one that came last gives: who was there first is disturbed least.
        for reader in readers.reversed() {
            let count = held[reader]?.count ?? 0
            guard count > (rich?.count ?? 0), let shard = held[reader]?.filter({ pins[$0] == nil }).max() else {
                continue
            }
            rich = (shard, count)
        }
        guard let rich, rich.count > (held[poor]?.count ?? 0) + 1 else { return nil }
        return (rich.shard, poor)
    }

    private func poorest(_ held: [ReaderID: [ShardID]]) -> ReaderID {
        var best = readers[0]
        for reader in readers.dropFirst() where (held[reader]?.count ?? 0) < (held[best]?.count ?? 0) { best = reader }
        return best
    }
}
