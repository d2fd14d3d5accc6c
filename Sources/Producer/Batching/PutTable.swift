/// The puts that are not answered yet, each in a slot that its ticket names, linked in order of arrival.
///
/// Slots are used again with another generation, so that a call that returns after its put was answered finds nothing.
struct PutTable {
    private struct Slot {
        var generation = 0
        var pending: PendingPut?
        var older = -1
        var newer = -1
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var oldestSlot = -1
    private var newestSlot = -1
    private(set) var count = 0
    /// Lent out by the subscript for a ticket that is not valid any more; always nil.
    private var nothing: PendingPut?

    /// The put that has waited longest, which is also the one whose deadline is next.
    var oldest: PutBatcher.Ticket? {
        oldestSlot < 0 ? nil : PutBatcher.Ticket(slot: oldestSlot, generation: slots[oldestSlot].generation)
    }

    /// Whether the ticket's put has no answer yet. Asked for every record, so it copies nothing.
    func contains(_ ticket: PutBatcher.Ticket) -> Bool {
        isValid(ticket)
    }

    /// The put of a ticket, in place; nil when it has been answered.
    subscript(ticket: PutBatcher.Ticket) -> PendingPut? {
        get { isValid(ticket) ? slots[ticket.slot].pending : nil }
        _modify {
            if isValid(ticket) {
                yield &slots[ticket.slot].pending
            } else {
                yield &nothing
            }
        }
    }

    mutating func insert(_ pending: PendingPut) -> PutBatcher.Ticket {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot()) }
        slots[slot].pending = pending
        // Nearly always behind the newest one.
        var older = newestSlot
        while older >= 0, let before = slots[older].pending?.arrived, before > pending.arrived {
            older = slots[older].older
        }
        let newer = older >= 0 ? slots[older].newer : oldestSlot
        slots[slot].older = older
        slots[slot].newer = newer
        if older >= 0 { slots[older].newer = slot } else { oldestSlot = slot }
        if newer >= 0 { slots[newer].older = slot } else { newestSlot = slot }
        count += 1
        return PutBatcher.Ticket(slot: slot, generation: slots[slot].generation)
    }

    mutating func remove(_ ticket: PutBatcher.Ticket) {
        guard isValid(ticket) else { return }
        let slot = slots[ticket.slot]
        if slot.older >= 0 { slots[slot.older].newer = slot.newer } else { oldestSlot = slot.newer }
        if slot.newer >= 0 { slots[slot.newer].older = slot.older } else { newestSlot = slot.older }
        slots[ticket.slot].pending = nil
        slots[ticket.slot].generation += 1
        free.append(ticket.slot)
        count -= 1
    }

    private func isValid(_ ticket: PutBatcher.Ticket) -> Bool {
        slots.indices.contains(ticket.slot) && slots[ticket.slot].generation == ticket.generation
    }
}
