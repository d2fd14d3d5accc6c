/// Shares `maxBufferedBytes` among all shards of all consumers: who may ask for records next. Performs no I/O.
///
/// Requests are served in the order in which they came. So that a consumer whose reader takes nothing cannot hold all
/// of the memory, a consumer gets more only while it then holds at most twice what is left: one alone uses up to two
/// thirds, and every further one that stalls leaves the others a share (dynamic thresholds; Choudhury and Hahne,
/// "Dynamic queue length thresholds for shared-memory packet switches", 1998). One that holds nothing is always within
/// its share. A request over its consumer's share lets others pass; one that is within its share and does not fit holds
/// up those behind it, so that large requests are not starved by small ones.
///
/// Answers may turn out larger than was assumed: then `used` is over the limit until they are sent, and nobody is
/// served meanwhile. A request that is larger than the limit is served when nothing else is held.
struct BufferBudget: Sendable {
    typealias Ticket = UInt64
    typealias Holder = UInt64

    private struct Request {
        let ticket: Ticket
        let holder: Holder
        let bytes: Int
    }

    /// How many times the bytes that are left a holder may have.
    private static let shareOfFree = 2

    let limit: Int
    /// Bytes that are held now.
    private(set) var used = 0
    private var held: [Holder: Int] = [:]
    private var queue: [Request] = []
    private var lastTicket: Ticket = 0

    init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    /// Requests that wait.
    var waiting: Int { queue.count }

    func held(by holder: Holder) -> Int { held[holder] ?? 0 }

    /// Asks for room. The ticket comes out of `admit` once the room is there, maybe at once.
    mutating func request(_ bytes: Int, for holder: Holder) -> Ticket {
        precondition(bytes > 0)
        lastTicket += 1
        queue.append(Request(ticket: lastTicket, holder: holder, bytes: bytes))
        return lastTicket
    }

    /// Takes a request back that waits; false when it does not wait any more.
    mutating func withdraw(_ ticket: Ticket) -> Bool {
        guard let index = queue.firstIndex(where: { $0.ticket == ticket }) else { return false }
        queue.remove(at: index)
        return true
    }

    /// Serves whoever can be served now; their bytes are held from here on.
    mutating func admit() -> [Ticket] {
        var admitted: [Ticket] = []
        var index = 0
        while index < queue.count {
            let request = queue[index]
            guard used == 0 || used + request.bytes <= limit else {
                if isWithinShare(request) { break }
                index += 1
                continue
            }
            guard isWithinShare(request) else {
                index += 1
                continue
            }
            queue.remove(at: index)
            change(request.holder, by: request.bytes)
            admitted.append(request.ticket)
        }
        return admitted
    }

    /// Corrects what a holder has; `admit` afterwards.
    mutating func change(_ holder: Holder, by bytes: Int) {
        let left = (held[holder] ?? 0) + bytes
        precondition(left >= 0)
        used += bytes
        held[holder] = left == 0 ? nil : left
    }

    private func isWithinShare(_ request: Request) -> Bool {
        let held = held(by: request.holder)
        return held == 0 || held + request.bytes <= Self.shareOfFree * (limit - used - request.bytes)
    }
}
