import Reactor

/// The process's `BufferBudget`, for those who wait for room in it. Confined to its loop.
final class SharedBudget: @unchecked Sendable {
    private var budget: BufferBudget
    private var waiters: [BufferBudget.Ticket: (Loan) -> Void] = [:]
    private var holders: [BufferBudget.Ticket: BufferBudget.Holder] = [:]
    private var lastHolder: BufferBudget.Holder = 0
    /// Called when somebody has to wait.
    var onWait: (() -> Void)?

    init(limit: Int) {
        budget = BufferBudget(limit: limit)
    }

    var used: Int { budget.used }
    var limit: Int { budget.limit }
    var waiting: Int { budget.waiting }

    /// Whether the holder has nothing, and waits for room.
    func isStarving(_ holder: BufferBudget.Holder) -> Bool {
        budget.held(by: holder) == 0 && holders.values.contains(holder)
    }

    func held(by holder: BufferBudget.Holder) -> Int { budget.held(by: holder) }

    /// A new party to share with.
    func newHolder() -> BufferBudget.Holder {
        lastHolder += 1
        return lastHolder
    }

    /// Asks for room, or for at least so much; `granted` is called once it is there, maybe before this returns.
    func request(
        _ bytes: Int, least: Int, for holder: BufferBudget.Holder, granted: @escaping (Loan) -> Void
    ) -> BufferBudget.Ticket {
        let ticket = budget.request(bytes, least: least, for: holder)
        holders[ticket] = holder
        waiters[ticket] = granted
        serve()
        if waiters[ticket] != nil { onWait?() }
        return ticket
    }

    /// Takes back a request that still waits; one that was granted is given back by its loan.
    func withdraw(_ ticket: BufferBudget.Ticket) {
        guard budget.withdraw(ticket) else { return }
        holders[ticket] = nil
        waiters[ticket] = nil
        serve()
    }

    /// Room for so much where nobody waits for any; nil where there is none now.
    func loanAtOnce(_ bytes: Int, for holder: BufferBudget.Holder) -> Loan? {
        guard budget.waiting == 0, hasRoom(for: bytes) else { return nil }
        budget.change(holder, by: bytes)
        return Loan(self, holder, bytes: bytes)
    }

    fileprivate func hasRoom(for more: Int) -> Bool {
        budget.used + more <= budget.limit
    }

    fileprivate func change(_ holder: BufferBudget.Holder, by bytes: Int) {
        budget.change(holder, by: bytes)
        if bytes < 0 { serve() }
    }

    private func serve() {
        for grant in budget.admit() {
            guard let granted = waiters.removeValue(forKey: grant.ticket),
                let holder = holders.removeValue(forKey: grant.ticket)
            else { continue }
            granted(Loan(self, holder, bytes: grant.bytes))
        }
    }
}

/// Bytes that one response, and the batches made of it, hold of the budget. Confined to its loop.
///
/// Given back as the last reference goes: no way out of a shard's task can forget it.
final class Loan {
    private let shared: SharedBudget
    private let holder: BufferBudget.Holder
    private(set) var bytes: Int

    fileprivate init(_ shared: SharedBudget, _ holder: BufferBudget.Holder, bytes: Int) {
        self.shared = shared
        self.holder = holder
        self.bytes = bytes
    }

    deinit {
        shared.change(holder, by: -bytes)
    }

    /// Makes the loan what is about to be held; false, and nothing changed, where that is more than there is room for.
    func fit(_ actual: Int) -> Bool {
        guard actual <= bytes || shared.hasRoom(for: actual - bytes) else { return false }
        resize(to: actual)
        return true
    }

    /// Corrects the loan to what is held in fact.
    func resize(to actual: Int) {
        guard actual != bytes else { return }
        let change = actual - bytes
        bytes = actual
        shared.change(holder, by: change)
    }
}
