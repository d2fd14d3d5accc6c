/// A call that is being filled: takes entries while they fit the service's limits and each other.
struct BatchDraft {
    private let limits: PutBatcher.Limits
    private(set) var entries: [PutBatcher.Entry] = []
    private(set) var isOrdered = false
    private var bytes = 0
    /// The put that has this call to itself, or nil when puts may share it.
    private var owner: PutBatcher.Ticket?

    init(limits: PutBatcher.Limits) {
        self.limits = limits
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Takes the entry, or says that it has to go with another call. The first entry always fits.
    mutating func take(_ entry: PutBatcher.Entry, isAlone: Bool) -> Bool {
        let record = entry.put.records[entry.index]
        let isOrderedRecord = record.sequenceNumberForOrdering != nil
        let itsOwner = isAlone ? entry.ticket : nil
        if !entries.isEmpty {
            guard !isOrdered, !isOrderedRecord, owner == itsOwner else { return false }
            guard entries.count < limits.records, bytes + record.size <= limits.bytes else { return false }
        }
        entries.append(entry)
        bytes += record.size
        isOrdered = isOrderedRecord
        owner = itsOwner
        return true
    }
}
