import Bytes

/// Whose turn it is for each partition key, among the records of ordered puts. Performs no I/O.
///
/// A record has its key's turn from when it is taken into a call until it has its last word, its back-offs included;
/// the others of that key stand in line in order of arrival. Holds a key only while a record has its turn. What stands
/// in line belongs to unanswered puts, or to puts that were answered at their deadline while another record of the key
/// had the turn, which ends by its own deadline and call.
struct KeyTurns {
    private var lines: [String: Fifo<PutBatcher.Entry>] = [:]

    var isEmpty: Bool { lines.isEmpty }

    func isTaken(_ key: String) -> Bool {
        lines[key] != nil
    }

    /// - Precondition: the turn is not taken.
    mutating func take(_ key: String) {
        precondition(lines.updateValue(Fifo(), forKey: key) == nil)
    }

    /// - Precondition: the turn is taken.
    mutating func standInLine(_ entry: PutBatcher.Entry) {
        lines[entry.partitionKey]!.append(entry)
    }

    /// The turn has ended: the next in line has it. Nil when there is none; then the key is free.
    mutating func next(_ key: String) -> PutBatcher.Entry? {
        if let entry = lines[key]?.popFirst() { return entry }
        lines[key] = nil
        return nil
    }
}

extension PutBatcher.Entry {
    var partitionKey: String { put.records[index].entry.partitionKey }
}
