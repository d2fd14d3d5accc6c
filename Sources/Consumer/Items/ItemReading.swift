import S3

/// How large items are read, for all consumers of the process. Confined to its loop.
struct ItemReading: Sendable {
    /// The most bytes that one item may have, whatever `maxBufferedBytes` allows: what one response may.
    static let mostBytes = 32 << 20
    /// Items that are not needed yet have this part of `maxBufferedBytes` together: room that others may need before.
    private static let partAhead = 4

    let store: ItemStore
    /// Holds the room of items that are needed, until they are encoded.
    let holder: BufferBudget.Holder
    /// Bytes that one item may have.
    let largest: Int
    /// Holds the room of those that were not needed when they were asked for.
    private let holderAhead: BufferBudget.Holder
    private let mostAhead: Int

    init(_ store: ItemStore, in budget: SharedBudget, limit: Int) {
        self.store = store
        holder = budget.newHolder()
        holderAhead = budget.newHolder()
        largest = min(Self.mostBytes, limit)
        mostAhead = limit / Self.partAhead
    }

    /// Room for an item that is not needed yet, whose size nobody knows; nil where others need it more.
    func roomAhead(_ budget: SharedBudget) -> Loan? {
        guard budget.held(by: holderAhead) < mostAhead else { return nil }
        return budget.loanAtOnce(1, for: holderAhead)
    }

    /// Makes the loan as large as the item; false, and nothing changed, where that is more than there is for such items.
    func fits(_ loan: Loan, _ bytes: Int, _ budget: SharedBudget) -> Bool {
        budget.held(by: holderAhead) - loan.bytes + bytes <= mostAhead && loan.fit(bytes)
    }
}
