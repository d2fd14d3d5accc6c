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

    /// The readers that have shards, in the order in which they came.
    var holders: [(reader: ReaderID, shards: Int)] {
        held.map { ($0.key, $0.value.count) }.sorted { places[$0.reader, default: 0] < places[$1.reader, default: 0] }
    }

    // MARK: Facts

    /// A reader has come.
    mutating func joined(_ reader: ReaderID) {
        precondition(places[reader] == nil)
        places[reader] = (readers.last.flatMap { places[$0] } ?? 0) + 1
        readers.append(reader)
        divide()
    }

    /// A reader has gone; its shards go to the others.
    mutating func left(_ reader: ReaderID) {
        guard places.removeValue(forKey: reader) != nil else { return }
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
        guard places[reader] != nil, known.contains(shard), pins[shard] == nil else { return }
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
    /// Each reader's place among `readers`, which grows from one to the next.
    private var places: [ReaderID: Int] = [:]

    /// The shards of each reader that has some. What follows takes time by the number of shards, however many readers
    /// there are.
    private var held: [ReaderID: [ShardID]] {
        owners.reduce(into: [:]) { $0[$1.value, default: []].append($1.key) }
    }

    private mutating func divide() {
        guard !readers.isEmpty else { return owners.removeAll() }
        var held = held
        for shard in unowned.sorted() {
            let reader = poorest(held)
            owners[shard] = reader
            held[reader, default: []].append(shard)
        }
        unowned.removeAll()
        while let (shard, owner, reader) = nextMove(held) {
            owners[shard] = reader
            held[owner]?.removeAll { $0 == shard }
            held[reader, default: []].append(shard)
        }
    }

    /// One shard from whoever has the most that may move to whoever has the fewest, while that evens them out.
    private func nextMove(_ held: [ReaderID: [ShardID]]) -> (ShardID, from: ReaderID, to: ReaderID)? {
        let poor = poorest(held)
        let fewest = held[poor]?.count ?? 0
        let rich = held.filter { $0.value.count > fewest + 1 && $0.value.contains { pins[$0] == nil } }
        // Of equals the one that came last gives: who was there first is disturbed least.
        guard let owner = rich.max(by: { rank($0) < rank($1) })?.key else { return nil }
        guard let shard = held[owner]?.filter({ pins[$0] == nil }).max() else { return nil }
        return (shard, owner, poor)
    }

    /// Of equals the one that came first.
    private func poorest(_ held: [ReaderID: [ShardID]]) -> ReaderID {
        // No more are passed over than have shards.
        if let idle = readers.first(where: { held[$0, default: []].isEmpty }) { return idle }
        return held.min { rank($0) < rank($1) }?.key ?? readers[0]
    }

    private func rank(_ holder: (key: ReaderID, value: [ShardID])) -> (Int, Int) {
        (holder.value.count, places[holder.key, default: 0])
    }
}
