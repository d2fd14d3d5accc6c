import Bytes
import Glibc
import Reactor

/// Whoever uses a channel is told what becomes of it. On the channel's loop.
protocol ChannelUser: AnyObject {
    func becameReadable()
    func becameWritable()
    /// The peer has shut its writing side, while `.peerClosed` was asked for.
    func peerFinished()
    /// The peer has reset the connection, or is gone.
    func peerIsGone()
}

/// The bytes of one connection, plain or over TLS: receives and sends them, knows what it waits for, and how each side has
/// ended. Nothing of it blocks. Confined to its loop.
final class Channel: @unchecked Sendable {
    // Masks, because the set operations of another module's option sets are neither inlined nor specialised here.
    private static let gone = Readiness.hangUp.rawValue | Readiness.error.rawValue
    private static let error = Readiness.error.rawValue
    private static let writable = Readiness.write.rawValue
    private static let readable = Readiness.read.rawValue
    private static let peerClosed = Readiness.peerClosed.rawValue

    let loop: EventLoop
    let peer: SocketAddress
    /// -1 once it is closed.
    private var fd: Int32
    /// nil: plain.
    private var tls: TLSSession?
    /// Of TLS, while the first byte has not told whether the peer speaks it.
    private var undecided: TLSContext?
    private var watch: Watch?
    unowned var user: any ChannelUser = Nobody.it

    /// What epoll is asked for. It is left standing after a wait: asking anew for each would be a system call each.
    var interest: Interest = .read {
        didSet {
            watch?.change(interest)
            if tls != nil, interest.contains(.read) { tellOfHeldInput() }
        }
    }

    /// Nothing is sent any more, and the peer has been told.
    private(set) var hasShutWriting = false
    /// Somebody waits for proof that all of it has arrived: a peer's close alone does not end the connection.
    var awaitsProof = false
    /// The peer's FIN has come behind our own, and no reset. It says nothing about what it has acknowledged.
    private(set) var hasPeerClosed = false
    /// A read of TLS goes on once the socket is writable.
    private var readWantsWrite = false
    private var willTellOfHeldInput = false

    /// Owns the descriptor from here on, where it does not throw.
    /// - Parameter context: of TLS; nil: the connection is plain.
    init(fd: Int32, peer: SocketAddress, loop: EventLoop, _ context: TLSContext? = nil) throws(SystemError) {
        self.fd = fd
        self.peer = peer
        self.loop = loop
        if context?.allowsPlain ?? false { undecided = context } else { tls = context?.newSession(fd) }
        watch = try loop.watch(fd, interest) { [unowned self] in ready($0) }
    }

    var isOpen: Bool { fd >= 0 }

    private func ready(_ readiness: Readiness) {
        let bits = readiness.rawValue
        if bits & Self.gone != 0 {
            // Without our own FIN a hang-up is a reset: there is nobody to answer. Behind it, both sides are done.
            guard awaitsProof, hasShutWriting, bits & Self.error == 0 else { return user.peerIsGone() }
            hasPeerClosed = true
            // epoll would tell of the hang-up in every turn, whether asked for or not.
            return unwatch()
        }
        if bits & Self.writable != 0 {
            if readWantsWrite {
                readWantsWrite = false
                user.becameReadable()
            }
            if isOpen { user.becameWritable() }
        }
        guard isOpen else { return }
        if bits & Self.peerClosed != 0 { return user.peerFinished() }
        if bits & Self.readable != 0 { user.becameReadable() }
    }

    // MARK: TLS

    var isSecure: Bool { tls != nil }
    /// Whether `handshake` has anything to do.
    var awaitsHandshake: Bool { tls != nil || undecided != nil }

    /// What the client's certificate names it; read when they are asked for, then kept.
    private(set) lazy var peerNames = tls?.peerNames() ?? []

    /// The next step of the handshake, before which nothing can be received or sent; of a plain connection it is done.
    func handshake() -> TLSSession.Progress {
        if let context = undecided {
            var first: UInt8 = 0
            switch Socket.peek(fd, into: &first) {
            case .bytes: undecided = nil
            case .wouldBlock: return .wantsRead
            case .end, .failed: return .ended
            }
            if first == TLSSession.handshakeRecord { tls = context.newSession(fd) }
        }
        return tls?.handshake() ?? .done(0)
    }

    /// The peer does not speak TLS: what is said to it is said in the clear.
    func giveUpTLS() { tls = nil }

    /// epoll tells nothing of bytes that TLS has taken from the socket already: whoever is interested is told in the next
    /// turn.
    private func tellOfHeldInput() {
        guard !willTellOfHeldInput, tls?.holdsInput ?? false else { return }
        willTellOfHeldInput = true
        _ = loop.schedule(at: loop.now) { [weak self] in
            guard let self else { return }
            willTellOfHeldInput = false
            if isOpen, interest.contains(.read), tls?.holdsInput ?? false { user.becameReadable() }
        }
    }

    // MARK: Bytes

    func receive(into start: UnsafeMutableRawPointer, room: Int) -> Socket.Received {
        guard let tls else { return Socket.receive(fd, into: start, room: room) }
        let received = received(tls.read(into: start, room: room))
        if case .bytes = received { tellOfHeldInput() }
        return received
    }

    private func received(_ progress: TLSSession.Progress) -> Socket.Received {
        switch progress {
        case .done(let count): return .bytes(count)
        case .wantsRead: return .wouldBlock
        case .wantsWrite:
            readWantsWrite = true
            interest.insert(.write)
            return .wouldBlock
        case .ended: return .end
        // A stream that ends without close_notify may have been cut by anybody on the way.
        case .failed: return .failed(ECONNRESET)
        }
    }

    func send(_ start: UnsafeRawPointer, _ length: Int) -> Socket.Sent {
        guard let tls else { return Socket.send(fd, start, length) }
        switch tls.write(start, length) {
        case .done(let count): return .bytes(count)
        case .wantsRead, .wantsWrite: return .wouldBlock
        case .ended, .failed: return .failed(EPIPE)
        }
    }

    /// Sends the pieces as one, beginning `skip` bytes into the first.
    func send(_ pieces: ArraySlice<ByteBuffer>, skip: Int) -> Socket.Sent {
        guard tls != nil, let first = pieces.first else { return Socket.send(fd, pieces, skip: skip) }
        let left = first.count - skip
        guard left < TLSSession.recordBytes / 2, pieces.count > 1 else { return send(first.base + skip, left) }
        // Small pieces share a record.
        return withUnsafeTemporaryAllocation(byteCount: TLSSession.recordBytes, alignment: 16) { record in
            var (count, skip) = (0, skip)
            for piece in pieces {
                let taken = min(piece.count - skip, record.count - count)
                (record.baseAddress! + count).copyMemory(from: piece.base + skip, byteCount: taken)
                count += taken
                skip = 0
                if count == record.count { break }
            }
            return send(record.baseAddress!, count)
        }
    }

    /// Finds hosts that vanished while nothing is sent for long.
    func enableKeepAlive() { Socket.enableKeepAlive(fd) }

    // MARK: What the peer has got

    /// Bytes that the peer's kernel has not acknowledged.
    var unacknowledgedBytes: Int { Socket.unacknowledgedBytes(fd) }

    /// Whether the peer's kernel has acknowledged every byte that was sent. Our own FIN proves nothing, and Linux counts it as
    /// one byte behind them while it is not acknowledged (tcp_ioctl: write_seq - snd_una).
    var isAcknowledged: Bool { (0...(hasShutWriting ? 1 : 0)).contains(unacknowledgedBytes) }

    /// Whether the end of what the peer sends, of which epoll has told, is the peer's own: over TLS its close_notify, since a
    /// FIN without it may come from anybody on the way, or from a process that was killed.
    var hasPeerSaidEnd: Bool { tls.map { $0.peek() == .ended } ?? true }

    /// Whether the peer has closed in order. The look takes a reset's error from the socket, which then looks to epoll as if
    /// both sides were done: so the user is told of it here.
    func lookWhetherPeerClosed() -> Bool {
        // Behind a FIN `recv` says that the stream has ended, also where a reset came after it.
        guard !Socket.takesError(fd) else {
            user.peerIsGone()
            return false
        }
        switch tls.map({ received($0.peek()) }) ?? Socket.peek(fd) {
        case .end: return true
        case .failed: user.peerIsGone()
        case .bytes, .wouldBlock: return hasPeerClosed && tls == nil
        }
        return false
    }

    // MARK: The end

    /// Tells the peer that nothing follows. What it sends can still be read.
    func shutWriting() {
        tls?.sayEnd()
        // It fails where the peer has reset the connection: then there is no FIN.
        guard isOpen, shutdown(fd, Int32(SHUT_WR)) == 0 else { return }
        hasShutWriting = true
    }

    /// Closes the socket. Its user hears nothing more.
    func close(withReset: Bool = false) {
        guard isOpen else { return }
        unwatch()
        if withReset { Socket.resetOnClose(fd) } else if !hasShutWriting { tls?.sayEnd() }
        tls = nil
        Glibc.close(fd)
        fd = -1
    }

    private func unwatch() {
        watch?.cancel()
        watch = nil
    }
}

/// The user of a channel that has none yet: what happens before is found out by the first receive.
private final class Nobody: ChannelUser, Sendable {
    static let it = Nobody()
    func becameReadable() {}
    func becameWritable() {}
    func peerFinished() {}
    func peerIsGone() {}
}
