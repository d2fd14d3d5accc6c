extension PutBatcher {
    /// Lets the requests of a call that was refused for its content go again in two halves, so that one bad record of 500
    /// costs 18 calls more. False, and nothing happens, where the call carried a single request.
    mutating func split(_ batch: Batch, _ error: PutError, now: Instant) -> Bool {
        let requests = batch.requests
        guard requests.count > 1 else { return false }
        let middle = requests.count / 2
        goAgain(requests[..<middle].joined(), error, now: now)
        goAgain(requests[middle...].joined(), error, now: now)
        return true
    }

    private mutating func goAgain(_ half: some Sequence<Entry>, _ error: PutError, now: Instant) {
        halves += 1
        for entry in half where puts.contains(entry.ticket) {
            puts[entry.ticket]?.failed(entry.index, .call(error), uncertain: false)
            puts[entry.ticket]?.moved(entry.index, toHalf: halves)
            retries.insert(entry, due: now)
        }
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
