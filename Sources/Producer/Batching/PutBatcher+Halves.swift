extension PutBatcher {
    /// Lets the requests of a call that was refused go again in two halves, so that one bad record of 500 costs 18 calls
    /// more. False, and nothing happens, where the call carried a single request, or all of it would be refused again.
    mutating func split(_ batch: Batch, _ error: PutError, _ blame: Blame, now: Instant) -> Bool {
        guard blame != .call else { return false }
        let requests = batch.requests
        let mayPass = blame == .content || streak.refused(error, isPart: batch.isPart, requests: requests.count)
        guard mayPass, requests.count > 1 else { return false }
        let middle = requests.count / 2
        // The first half leaves next, and the second when the halves before it have: what is tried first comes from all over
        // the call, and not from one end of it.
        retries.putFirst(move(requests[..<middle].joined(), error), now: now)
        for entry in move(requests[middle...].joined(), error) { retries.insert(entry, due: now) }
        return true
    }

    /// Gives the entries a half of their own. Returns those that have no answer yet.
    private mutating func move(_ half: some Sequence<Entry>, _ error: PutError) -> [Entry] {
        halves += 1
        let waiting = half.filter { puts.contains($0.ticket) }
        for entry in waiting {
            puts[entry.ticket]?.failed(entry.index, .call(error), uncertain: false)
            puts[entry.ticket]?.moved(entry.index, toHalf: halves)
        }
        return waiting
    }
}

extension PutBatcher.Batch {
    /// The requests that the call carries, each as its entries: a put, or one record of a group. Records of a put that go
    /// once more need not stand together.
    fileprivate var requests: [[PutBatcher.Entry]] {
        var requests: [[PutBatcher.Entry]] = []
        var places: [PutBatcher.Ticket: Int] = [:]
        for entry in entries {
            if let place = places[entry.ticket] {
                requests[place].append(entry)
            } else {
                if !entry.put.isGroup { places[entry.ticket] = requests.count }
                requests.append([entry])
            }
        }
        return requests
    }
}
