import CLinux
import Glibc

/// What a watcher wants to hear of its file descriptor.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let read = Interest(rawValue: EPOLLIN.rawValue)
    package static let write = Interest(rawValue: EPOLLOUT.rawValue)
    /// The peer has shut its writing side; told apart from readable data, for those who do not read.
    package static let peerClosed = Interest(rawValue: EPOLLRDHUP.rawValue)
}

/// What a file descriptor is ready for. `hangUp` and `error` come whether asked for or not.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let read = Readiness(rawValue: EPOLLIN.rawValue)
    package static let write = Readiness(rawValue: EPOLLOUT.rawValue)
    package static let peerClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
    package static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
    package static let error = Readiness(rawValue: EPOLLERR.rawValue)

    /// Whether a read would not wait: there are bytes, or the end of them.
    package var isReadable: Bool {
        rawValue & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLRDHUP.rawValue) != 0
    }
}

/// The watched file descriptors, level-triggered, over epoll.
///
/// An event carries slot and generation, never the descriptor: a descriptor that was closed and given out again within
/// one turn would otherwise get its predecessor's event. Confined to its loop.
struct Poller: ~Copyable {
    struct Token: Equatable {
        var slot: UInt32
        var generation: UInt32
    }

    private struct Slot {
        var fd: Int32 = -1
        var generation: UInt32 = 0
        var interest: Interest = []
        var handler: ((Readiness) -> Void)?
    }

    /// Events fetched by one epoll_wait; more wait for the next turn.
    private static let batch = 256

    private let epoll: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var fetched = 0
    private var slots: [Slot] = []
    private var free: [UInt32] = []

    init() throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        events = .allocate(capacity: Self.batch)
    }

    deinit {
        events.deallocate()
        close(epoll)
    }

    mutating func add(_ fd: Int32, _ interest: Interest, _ handler: @escaping (Readiness) -> Void) throws(SystemError)
        -> Token
    {
        let slot = free.popLast() ?? UInt32(slots.count)
        if slot == slots.count { slots.append(Slot()) }
        let token = Token(slot: slot, generation: slots[Int(slot)].generation)
        guard clinux_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, interest.rawValue, token.word) == 0 else {
            let error = SystemError("epoll_ctl")
            free.append(slot)
            throw error
        }
        slots[Int(slot)].fd = fd
        slots[Int(slot)].interest = interest
        slots[Int(slot)].handler = handler
        return token
    }

    /// Nothing happens where the token is stale or the interest is as it was: that saves the system call.
    mutating func change(_ token: Token, _ interest: Interest) {
        let index = Int(token.slot)
        guard slots[index].generation == token.generation, slots[index].interest != interest else { return }
        slots[index].interest = interest
        // The descriptor may have been closed by a library just before it says so; then there is nothing to change.
        _ = clinux_epoll_ctl(epoll, EPOLL_CTL_MOD, slots[index].fd, interest.rawValue, token.word)
    }

    mutating func remove(_ token: Token) {
        let index = Int(token.slot)
        guard slots[index].generation == token.generation else { return }
        _ = clinux_epoll_ctl(epoll, EPOLL_CTL_DEL, slots[index].fd, 0, 0)
        slots[index].generation &+= 1
        slots[index].handler = nil
        slots[index].fd = -1
        free.append(token.slot)
    }

    /// Waits for events for at most `milliseconds` (-1: without end), and says how many there are.
    mutating func wait(milliseconds: Int32) throws(SystemError) -> Int {
        fetched = 0
        let result = epoll_wait(epoll, events, Int32(Self.batch), milliseconds)
        if result < 0 {
            // A signal that is not blocked: the turn goes on without events.
            guard errno == EINTR else { throw SystemError("epoll_wait") }
            return 0
        }
        fetched = Int(result)
        return fetched
    }

    /// The handler for one fetched event; nil when its watch was cancelled since.
    func handler(at index: Int) -> (handler: (Readiness) -> Void, readiness: Readiness)? {
        let token = Token(word: clinux_token(events + index))
        let slot = slots[Int(token.slot)]
        guard slot.generation == token.generation, let handler = slot.handler else { return nil }
        return (handler, Readiness(rawValue: clinux_events(events + index)))
    }
}

extension Poller.Token {
    fileprivate init(word: UInt64) {
        slot = UInt32(truncatingIfNeeded: word)
        generation = UInt32(truncatingIfNeeded: word >> 32)
    }

    fileprivate var word: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
