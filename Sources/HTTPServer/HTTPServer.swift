import Bytes
import Glibc
import HTTP
import Logging
import Reactor

/// A connection as its server sees it, whatever it speaks. Confined to its loop.
protocol ServerConnection: AnyObject {
    /// The server drains: what is between two requests closes, and no new one is taken.
    func closeIfIdle()
    /// Closes at once.
    func shut()
    /// Sends what has gathered, as `flushAtEndOfTurn` was asked.
    func endOfTurn()
}

/// Listens, keeps the connections, and ends them. Confined to its loop.
package final class HTTPServer: @unchecked Sendable {
    /// Connections beyond the limit that are being told so at one time; more are closed unanswered.
    private static let refusalsAtOnce = 128
    /// Descriptors that are left for files, other sockets and the refusals.
    private static let reservedDescriptors = 256

    let loop: EventLoop
    let handler: any HTTPHandler
    let logger: Logger
    let buffers = BufferPool()
    let dateLine: DateLine
    private(set) var limits: HTTPLimits
    private(set) var isDraining = false

    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: any ServerConnection] = [:]
    private var refusals: [ObjectIdentifier: HTTPConnection] = [:]
    private var waitingToFlush: [any ServerConnection] = []
    private var drainWaiter: UnsafeContinuation<Void, Never>?
    private var lastAcceptWarning: EventLoop.Instant?

    private var tls: TLSContext?

    /// Memory of the bodies that are being read, or were and are held still, in bytes; see `HTTPLimits.bodyBytesTogether`.
    var bodyBytesHeld = 0
    /// Requests that handlers have got since the start.
    package internal(set) var requestCount = 0
    /// Connections open now, or whose handler still runs.
    package var connectionCount: Int { connections.count }

    /// What a refused request is answered with; by default its problem document.
    package var onBadRequest: (RefusedRequest) -> (headers: HTTPHeaders, body: ByteBuffer) = {
        (["Content-Type": "application/problem+json"], $0.problem)
    }

    package init(loop: EventLoop, limits: HTTPLimits, handler: any HTTPHandler, logger: Logger) {
        self.loop = loop
        self.limits = limits
        self.handler = handler
        self.logger = logger
        dateLine = DateLine(loop: loop)
    }

    // MARK: Listening

    /// What TLS connections begin with from now on; those that are open keep theirs.
    package func use(_ context: TLSContext) { tls = context }

    /// Listens on `address` and returns it with the port that was bound. May be called for several addresses.
    ///
    /// The limit of connections is lowered where the process may not open as many files. Throws what socket, bind or
    /// listen say; nothing is left open then.
    /// - Parameters:
    ///   - isSecure: whether connections speak TLS; `use` comes before.
    ///   - access: of a Unix socket.
    package func listen(
        _ address: ListenAddress, isSecure: Bool = false, access: UnixSocket.Access = UnixSocket.Access()
    ) throws(SystemError) -> ListenAddress {
        loop.preconditionOnLoop()
        precondition(!isSecure || tls != nil, "there is no certificate")
        limits.connections = min(limits.connections, Self.connectionsThatFit())
        let fd: Int32
        var path: String?
        switch address {
        case .ip(let host, let port):
            guard let socketAddress = SocketAddress(host: host, port: port) else {
                throw SystemError("inet_pton", EINVAL)
            }
            fd = try Socket.listening(socketAddress)
        case .unix(let file):
            fd = try UnixSocket.listening(file, access)
            path = file
        }
        do throws(SystemError) {
            listeners.append(
                try Listener(
                    loop: loop, fd: fd, path: path, take: { [unowned self] in take($0, $1, isSecure) },
                    report: { [unowned self] in acceptFailed($0) }))
        } catch {
            close(fd)
            throw error
        }
        return path == nil ? ListenAddress(Socket.localAddress(fd)) : address
    }

    private static func connectionsThatFit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        let files = Int(clamping: limit.rlim_cur)
        return files > 2 * reservedDescriptors ? files - reservedDescriptors : max(1, files / 2)
    }

    private func take(_ fd: Int32, _ peer: SocketAddress, _ isSecure: Bool) {
        Socket.disableDelay(fd)
        let isFull = connections.count >= limits.connections
        guard !isFull || refusals.count < Self.refusalsAtOnce else {
            close(fd)
            return
        }
        let connection: HTTPConnection
        do throws(SystemError) {
            let channel = try Channel(fd: fd, peer: peer, loop: loop, isSecure ? tls : nil)
            connection = HTTPConnection(channel, server: self)
        } catch {
            close(fd)
            return acceptFailed(error)
        }
        if isFull {
            refusals[ObjectIdentifier(connection)] = connection
            let reason = RefusedRequest.tooManyConnections(limit: limits.connections)
            loop.spawn { await connection.turnAway(reason) }
        } else {
            connections[ObjectIdentifier(connection)] = connection
            loop.spawn { await connection.run() }
        }
    }

    private func acceptFailed(_ error: SystemError) {
        if let lastAcceptWarning, loop.now - lastAcceptWarning < .seconds(10) { return }
        lastAcceptWarning = loop.now
        logger.warning(
            "connections cannot be accepted",
            metadata: ["error": "\(error)", "connections": .stringConvertible(connections.count)])
    }

    // MARK: Ending

    /// No new connections. Those that are open go on.
    package func stopAccepting() {
        loop.preconditionOnLoop()
        for listener in listeners { listener.stop() }
        listeners.removeAll()
    }

    /// Stops accepting, closes what is idle, lets requests that are under way be answered with `Connection: close`, and
    /// returns when all connections have ended; those that have not by `deadline` are cut.
    package func drain(deadline: EventLoop.Instant) async {
        stopAccepting()
        isDraining = true
        for connection in connections.values { connection.closeIfIdle() }
        let timer = loop.schedule(at: deadline) { [self] in
            closeAll()
            // A handler that does not return is not waited for.
            finishDrain()
        }
        if !connections.isEmpty || !refusals.isEmpty {
            await withUnsafeContinuation { drainWaiter = $0 }
        }
        loop.cancel(timer)
    }

    /// Closes every connection at once. Their handlers hear of it through `onDisconnect`, and should return.
    package func closeAll() {
        loop.preconditionOnLoop()
        for connection in connections.values { connection.shut() }
        for connection in refusals.values { connection.shut() }
    }

    /// The first connection goes on as the second one, until `ended` of the first.
    func replace(_ connection: HTTPConnection, by next: HTTP2Connection) {
        if connections[ObjectIdentifier(connection)] != nil { connections[ObjectIdentifier(connection)] = next }
        if isDraining { next.closeIfIdle() }
    }

    /// The connection's task is at its end.
    func ended(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        refusals[ObjectIdentifier(connection)] = nil
        if connections.isEmpty, refusals.isEmpty { finishDrain() }
    }

    private func finishDrain() {
        guard let waiter = drainWaiter else { return }
        drainWaiter = nil
        waiter.resume()
    }

    // MARK: Writing

    func flushAtEndOfTurn(_ connection: any ServerConnection) {
        if waitingToFlush.isEmpty {
            loop.endOfTurn { [self] in flushAll() }
        }
        waitingToFlush.append(connection)
    }

    private func flushAll() {
        // A flush can close a connection, whose handler may answer nothing more, but another one's may be woken.
        var index = 0
        while index < waitingToFlush.count {
            waitingToFlush[index].endOfTurn()
            index += 1
        }
        waitingToFlush.removeAll(keepingCapacity: true)
    }
}
