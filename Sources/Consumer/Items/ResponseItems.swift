import Kinesis
import Reactor

/// The large items of one response: the one that its next record needs, and some behind it, which are fetched meanwhile.
/// Confined to its loop.
final class ResponseItems: @unchecked Sendable {
    /// Items that are fetched, or there, before their records need them.
    static let mostAhead = 4

    private let items: ItemReading
    private let context: EngineContext
    /// Nil once it has found all.
    private var search: ItemSearch?
    /// In the order of the records; the first is needed next.
    private var queue: [ItemFetch] = []
    /// Items that were needed before the search came by them.
    private var unseen = 0
    private var isSearching = false

    init(_ search: ItemSearch?, _ items: ItemReading, _ context: EngineContext) {
        self.search = search
        self.items = items
        self.context = context
    }

    /// The item that the next record needs. Those behind it are looked for, and asked for, meanwhile.
    func next(_ pointer: ItemPointer) async -> ItemFetch.Ending {
        // The search walks over the same records. If it did not, nothing would be fetched ahead, and nothing lost.
        if let first = queue.first, first.pointer != pointer { cancel() }
        if queue.isEmpty {
            unseen += 1
            queue.append(ItemFetch(pointer, items, context))
        }
        let fetch = queue[0]
        context.loop.spawn { await self.lookAhead() }
        let ending = await fetch.run()
        if queue.first === fetch { queue.removeFirst() }
        return ending
    }

    /// Nothing of the response is needed any more.
    func cancel() {
        search = nil
        for fetch in queue { fetch.cancel() }
        queue.removeAll()
    }

    /// Bytes of the budget that the items hold.
    var heldBytes: Int { queue.reduce(0) { $0 + $1.heldBytes } }

    /// Bytes that the search holds.
    var searchBytes: Int { search?.heldBytes ?? 0 }

    private func lookAhead() async {
        startAhead()
        guard !isSearching else { return }
        isSearching = true
        defer { isSearching = false }
        while queue.count <= Self.mostAhead, let step = search?.next() {
            switch step {
            case .item where unseen > 0: unseen -= 1
            case .item(let pointer):
                queue.append(ItemFetch(pointer, items, context))
                startAhead()
            case .nothingYet: break
            case .end: search = nil
            }
            await context.loop.nextTurn()
        }
    }

    /// Those that are needed sooner come first: behind one that cannot be asked for now nothing is.
    private func startAhead() {
        for fetch in queue { guard fetch.startAhead() else { return } }
    }
}
