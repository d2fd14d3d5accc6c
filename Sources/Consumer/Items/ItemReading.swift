import S3

/// How large items are read, for all consumers of the process. Confined to its loop.
struct ItemReading: Sendable {
    /// The most bytes that one item may have, whatever `maxBufferedBytes` allows: what one response may.
    static let mostBytes = 32 << 20

    let store: ItemStore
    /// Holds the items' room until they are encoded.
    let holder: BufferBudget.Holder
    /// Bytes that one item may have.
    let largest: Int

    init(_ store: ItemStore, in budget: SharedBudget, limit: Int) {
        self.store = store
        holder = budget.newHolder()
        largest = min(Self.mostBytes, limit)
    }
}
