import Reactor

/// The process's `BufferBudget`, for those who wait for room in it. Confined to its loop.
final class SharedBudget: @unchecked Sendable {
    private var budget: BufferBudget
    private var waiters: [BufferBudget.Ticket: (Loan) -> Void] = [:]
    private var requests: [BufferBudget.Ticket: (holder: BufferBudget.Holder, bytes: Int)] = [:]
    private var lastHolder: BufferBudget.Holder = 0

    init(limit: Int) {
        budget = BufferBudget(limit: limit)
    }

    var used: Int { budget.used }
    var waiting: Int { budget.waiting }

    /// A new party to share with.
    func newHolder() -> BufferBudget.Holder {
        lastHolder += 1
        return lastHolder
    }

    /// Asks for room; `granted` is called once it is there, maybe before this returns.
    func request(
        _ bytes: Int, for holder: BufferBudget.Holder, granted: @escaping (Loan) -> Void
    ) -> BufferBudget.Ticket {
        let ticket = budget.request(bytes, for: holder)
        requests[ticket] = (holder, bytes)
        waiters[ticket] = granted
        serve()
        return ticket
    }

    /// Takes back a request that still waits; one that was granted is given back by its loan.
    func withdraw(_ ticket: BufferBudget.Ticket) {
        guard budget.withdraw(ticket) else { return }
        requests[ticket] = nil
        waiters[ticket] = nil
        serve()
    }

    fileprivate func change(_ holder: BufferBudget.Holder, by bytes: Int) {
        budget.change(holder, by: bytes)
        if bytes < 0 { serve() }
    }

    private func serve() {
        for ticket in budget.admit() {
            guard let granted = waiters.removeValue(forKey: ticket), let request = requests.removeValue(forKey: ticket)
            else { continue }
            granted(Loan(self, request.holder, bytes: request.bytes))
        }
    }
}

/// Bytes that one answer, and the batches made of it, hold of the budget. Confined to its loop.
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

    /// Corrects the loan to what is held in fact.
    func resize(to actual: Int) {
        guard actual != bytes else { return }
        let change = actual - bytes
        bytes = actual
        shared.change(holder, by: change)
    }
}
