/// A call that is being filled: takes entries while they fit the service's limits and each other.
struct BatchDraft {
    private let limits: PutBatcher.Limits
    private(set) var entries: [PutBatcher.Entry] = []
    private(set) var isOrdered = false
    private var bytes = 0
    private var company = PutBatcher.Company.anyone

    init(limits: PutBatcher.Limits) {
        self.limits = limits
    }

    var isEmpty: Bool { entries.isEmpty }
    /// Whether its records were in a call that was refused.
    var isPart: Bool { company != .anyone }

    /// Takes the entry, or says that it has to go with another call. The first entry always fits.
    mutating func take(_ entry: PutBatcher.Entry, _ itsCompany: PutBatcher.Company) -> Bool {
        let record = entry.put.records[entry.index]
        let isOrderedRecord = record.sequenceNumberForOrdering != nil
        if !entries.isEmpty {
            guard !isOrdered, !isOrderedRecord, company == itsCompany else { return false }
            guard entries.count < limits.records, bytes + record.size <= limits.bytes else { return false }
        }
        entries.append(entry)
        bytes += record.size
        isOrdered = isOrderedRecord
        company = itsCompany
        return true
    }
}
