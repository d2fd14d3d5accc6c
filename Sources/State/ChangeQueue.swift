import Kinesis

/// What waits to be committed, in the order in which it became true. Performs no I/O.
///
/// Of a shard's checkpoints only the newest is kept, and of the delivery log the newest entries: so what waits is bounded
/// by the number of shards and of connections however long the database cannot be written. That a reader has come is not
/// dropped before it has gone: the log would take nothing of it from then on. A log with gaps makes more come again after a
/// crash, never less. A checkpoint takes the place of the older one that waits; all that waits is committed together.
struct ChangeQueue {
    struct Entry: Equatable, Sendable {
        let consumer: ConsumerIncarnation
        var change: StateChange
    }

    private struct Place: Hashable {
        let consumer: ConsumerIncarnation
        let shard: ShardID
    }

    /// Entries of the delivery log that may wait.
    let mostOfLog: Int
    private(set) var entries: [Entry] = []
    private var checkpoints: [Place: Int] = [:]
    private var entriesOfLog = 0

    init(mostOfLog: Int = DeliveryLogLimits().waitingEntries) {
        self.mostOfLog = mostOfLog
    }

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ change: StateChange, of consumer: ConsumerIncarnation) {
        switch change {
        case .checkpoint(let shard, let checkpoint):
            let place = Place(consumer: consumer, shard: shard)
            if let index = checkpoints[place], case .checkpoint(_, let waiting) = entries[index].change {
                if waiting < checkpoint { entries[index].change = change }
                return
            }
            checkpoints[place] = entries.count
        case .reset(let shard, _), .disown(let shard):
            // A checkpoint that comes after this one must not slip into the place before it.
            checkpoints[Place(consumer: consumer, shard: shard)] = nil
        case .adopt(let shard): checkpoints[Place(consumer: consumer, shard: shard.id)] = nil
        case .seek(let shards):
            for shard in shards { checkpoints[Place(consumer: consumer, shard: shard.id)] = nil }
        case .begin: drop(before: consumer)
        case .add, .deplete, .forget, .readerJoined, .lossesForgotten:
            break
        case .delivered, .readerEnded, .lossesSettled, .eventsForgotten:
            entriesOfLog += 1
        }
        entries.append(Entry(consumer: consumer, change: change))
        if entriesOfLog > mostOfLog { dropOldestOfLog() }
    }

    mutating func takeAll() -> [Entry] {
        defer {
            entries.removeAll()
            checkpoints.removeAll()
            entriesOfLog = 0
        }
        return entries
    }

    /// Puts entries that could not be committed before those that came meanwhile.
    mutating func putBack(_ failed: [Entry]) {
        let newer = takeAll()
        for entry in failed + newer { append(entry.change, of: entry.consumer) }
    }

    /// Drops what a consumer's beginning replaces: its positions, and the delivery log of the stream's other incarnations.
    mutating func drop(before beginning: ConsumerIncarnation) {
        let kept = takeAll().filter { entry in
            entry.consumer.key != beginning.key || (entry.consumer == beginning && entry.change.isOfLog)
        }
        for entry in kept { append(entry.change, of: entry.consumer) }
    }

    /// Drops all that waits of a consumer, of whatever incarnation.
    mutating func drop(_ key: ConsumerKey) {
        let kept = takeAll().filter { $0.consumer.key != key }
        for entry in kept { append(entry.change, of: entry.consumer) }
    }

    /// Half of them at once, because what is behind them moves up. Which events are gone is noted instead.
    private mutating func dropOldestOfLog() {
        var left = entriesOfLog - mostOfLog / 2
        var kept: [Entry] = []
        var forgotten: [ConsumerIncarnation: [ReaderID: Int]] = [:]
        let all = takeAll()
        let gone = Set(all.compactMap(\.endedInOrder))
        for entry in all {
            let isNeeded = entry.joined.map { !gone.contains($0) } ?? entry.isKept
            guard !isNeeded, left > 0 else {
                kept.append(entry)
                continue
            }
            if entry.joined == nil { left -= 1 }
            switch entry.change {
            case .delivered(let event): forgotten[entry.consumer, default: [:]][event.id.reader] = event.id.number
            case .eventsForgotten(let reader, let number): forgotten[entry.consumer, default: [:]][reader] = number
            case .begin, .checkpoint, .reset, .add, .deplete, .adopt, .seek, .disown, .forget, .readerJoined,
                .readerEnded,
                .lossesSettled, .lossesForgotten:
                break
            }
        }
        for (consumer, readers) in forgotten {
            for (reader, number) in readers { append(.eventsForgotten(reader, upTo: number), of: consumer) }
        }
        for entry in kept { append(entry.change, of: entry.consumer) }
    }
}

extension ChangeQueue.Entry {
    fileprivate struct Reader: Hashable {
        let consumer: ConsumerIncarnation
        let id: ReaderID
    }

    /// The reader that has come.
    fileprivate var joined: Reader? {
        guard case .readerJoined(let id, _, _, _) = change else { return nil }
        return Reader(consumer: consumer, id: id)
    }

    /// Whether it waits for as long as nothing can be committed.
    fileprivate var isKept: Bool {
        if case .lossesForgotten = change { true } else { !change.isOfLog }
    }

    /// The reader that has gone and left nothing to provide for.
    fileprivate var endedInOrder: Reader? {
        guard case .readerEnded(let id, _, isLost: false) = change else { return nil }
        return Reader(consumer: consumer, id: id)
    }
}
