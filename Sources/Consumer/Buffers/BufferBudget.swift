/// Shares `maxBufferedBytes` among all shards of all consumers: who may ask for records next. Performs no I/O.
///
/// Requests are served in the order in which they came. So that a consumer whose reader takes nothing cannot hold all
/// of the memory, a consumer gets more only while it then holds at most twice what is left: one alone uses up to two
/// thirds, and every further one that stalls leaves the others a share (dynamic thresholds; Choudhury and Hahne,
/// "Dynamic queue length thresholds for shared-memory packet switches", 1998). One that holds nothing is always within
/// its share. Where there is less than a request wants it gets what there is, if that is the least that it can use:
/// requests to the service become smaller as the room does. A request over its consumer's share lets others pass; one
/// that is within its share and does not fit holds up those behind it, so that large requests are not starved by small
/// ones.
///
/// Batches may be larger than their response: then `used` is over the limit until they are sent, and nobody is served
/// meanwhile. A request that takes no less than the limit is served when nothing else is held.
struct BufferBudget: Sendable {
    typealias Ticket = UInt64
    typealias Holder = UInt64

    /// Room that a request gets.
    struct Grant: Equatable, Sendable {
        let ticket: Ticket
        let bytes: Int
    }

    private struct Request {
        let ticket: Ticket
        let holder: Holder
        let bytes: Int
        /// Less is of no use.
        let least: Int
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
    /// - Parameter least: what it takes as well; nil: it wants all of it.
    mutating func request(_ bytes: Int, least: Int? = nil, for holder: Holder) -> Ticket {
        precondition(bytes > 0)
        lastTicket += 1
        queue.append(Request(ticket: lastTicket, holder: holder, bytes: bytes, least: min(least ?? bytes, bytes)))
        return lastTicket
    }

    /// Takes a request back that waits; false when it does not wait any more.
    mutating func withdraw(_ ticket: Ticket) -> Bool {
        guard let index = queue.firstIndex(where: { $0.ticket == ticket }) else { return false }
        queue.remove(at: index)
        return true
    }

    /// Serves whoever can be served now; their bytes are held from here on.
    mutating func admit() -> [Grant] {
        var grants: [Grant] = []
        var index = 0
        while index < queue.count {
            let request = queue[index]
            let share = share(of: request)
            guard share >= request.least else {
                index += 1
                continue
            }
            // What cannot be less than the limit is served when nothing else is held.
            let room = used == 0 ? max(limit, request.least) : limit - used
            guard room >= request.least else { break }
            let bytes = min(request.bytes, share, room)
            queue.remove(at: index)
            change(request.holder, by: bytes)
            grants.append(Grant(ticket: request.ticket, bytes: bytes))
        }
        return grants
    }

    /// Corrects what a holder has; `admit` afterwards.
    mutating func change(_ holder: Holder, by bytes: Int) {
        let left = (held[holder] ?? 0) + bytes
        precondition(left >= 0)
        used += bytes
        held[holder] = left == 0 ? nil : left
    }

    /// The most that the request's holder may get now: afterwards it holds at most `shareOfFree` times what is left.
    private func share(of request: Request) -> Int {
        let held = held(by: request.holder)
        guard held > 0 else { return .max }
        return (Self.shareOfFree * (limit - used) - held) / (Self.shareOfFree + 1)
    }
}
