/// Decides how much may wait in this process for its answer: whole puts, and groups of feeds. What finds no room is
/// refused, or stands in line for it. Performs no I/O.
///
/// Groups leave a quarter of `limit` to whole puts, and one feed has a quarter at most, so that a body of many lines takes
/// neither the room of puts nor that of other such bodies. Something larger than its share is let in when nothing else
/// waits: it could never be made.
struct PutMemory {
    /// What asks for room.
    enum Kind {
        case put, group
    }

    /// A place in the line.
    struct Ticket: Hashable {
        fileprivate let number: Int
    }

    private struct Waiter {
        let ticket: Ticket
        let bytes: Int
        let kind: Kind
    }

    /// Bytes, `maxPutBytes`.
    let limit: Int
    /// Bytes that wait for their answers.
    private(set) var waiting = 0
    /// Who waits for room, in order of arrival: the first goes first, however small the others are. The feeds and the
    /// large bodies that there are at one time bound it.
    private var line: [Waiter] = []
    private var lastNumber = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that one feed may have on its way.
    var feedShare: Int { limit / 4 }

    /// Whether `take` would find room.
    func hasRoom(for bytes: Int) -> Bool { fits(bytes, .put) }

    /// Takes the room of a put; false, and nothing taken, when there is none.
    mutating func take(_ bytes: Int) -> Bool {
        guard fits(bytes, .put) else { return false }
        waiting += bytes
        return true
    }

    /// Takes the room, and returns nil; where there is none, or others wait for it, a place in the line.
    mutating func takeOrStandInLine(_ bytes: Int, _ kind: Kind) -> Ticket? {
        guard line.isEmpty, fits(bytes, kind) else {
            lastNumber += 1
            let waiter = Waiter(ticket: Ticket(number: lastNumber), bytes: bytes, kind: kind)
            line.append(waiter)
            return waiter.ticket
        }
        waiting += bytes
        return nil
    }

    /// Takes the room of the first in line; nil when it has to wait still, or there is none.
    mutating func admitNext() -> Ticket? {
        guard let first = line.first, fits(first.bytes, first.kind) else { return nil }
        line.removeFirst()
        waiting += first.bytes
        return first.ticket
    }

    /// The ticket's owner waits no longer.
    mutating func leave(_ ticket: Ticket) {
        line.removeAll { $0.ticket == ticket }
    }

    mutating func give(_ bytes: Int) {
        waiting -= bytes
    }

    private func fits(_ bytes: Int, _ kind: Kind) -> Bool {
        let share = kind == .put ? limit : limit - limit / 4
        return waiting == 0 || waiting + bytes <= share
    }
}
