extension PutBatcher {
    /// Takes a record into the call, or lets it stand in line while another of its key has the turn. False when the call
    /// is full.
    mutating func admit(_ entry: Entry, to draft: inout BatchDraft, _ company: Company) -> Bool {
        guard entry.put.isOrdered else { return draft.take(entry, company) }
        if turns.isTaken(entry.partitionKey) {
            turns.standInLine(entry)
            return true
        }
        guard draft.take(entry, company) else { return false }
        turns.take(entry.partitionKey)
        return true
    }

    /// A call has ended: those of its ordered records that do not go again give their turn on.
    mutating func endTurns(of batch: Batch, now: Instant) {
        for entry in batch.entries where entry.put.isOrdered {
            if let pending = puts[entry.ticket], pending.records[entry.index].result == nil { continue }
            endTurn(of: entry.partitionKey, now: now)
        }
    }

    /// A put was answered at its deadline: its records that wait give their turn on. One that is on its way keeps it
    /// until its call ends; a later record of its key could overtake it otherwise.
    mutating func endTurns(of pending: PendingPut, now: Instant) {
        guard pending.put.isOrdered else { return }
        for (index, record) in pending.records.enumerated() where record.holdsTurn && !record.isOnItsWay {
            endTurn(of: pending.put.records[index].entry.partitionKey, now: now)
        }
    }

    private mutating func endTurn(of key: String, now: Instant) {
        while let next = turns.next(key) {
            // Its put may have been answered at its deadline.
            guard puts[next.ticket] != nil else { continue }
            puts[next.ticket]?.gotTurn(next.index)
            return retries.insert(next, due: now)
        }
    }
}
