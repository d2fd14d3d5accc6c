import CCurl
import Glibc
import Reactor

/// libcurl's multi handle on the loop: which sockets it waits for, and when it wants to be called. Confined to its loop.
///
/// libcurl must not be called from its own callbacks: they note what it wants, and `settle` acts when it has returned.
final class CurlMulti: @unchecked Sendable {
    /// A socket that the loop watches for libcurl.
    private struct Socket {
        let watch: Watch
        var interest: Interest
        /// False while libcurl keeps the connection without a transfer on it.
        var isInUse: Bool
    }

    /// Sets that are made once: here a literal of an OptionSet is generic code, 1.5 % of a put's time.
    private static let none: Interest = []
    private static let both: Interest = [.read, .write]

    let loop: EventLoop
    /// Called for each transfer that has ended, after it was taken out of the multi handle.
    var onDone: (CURLHandle, CURLcode) -> Void = { _, _ in }

    private let handle: UnsafeMutableRawPointer
    private var sockets: [Int32: Socket] = [:]
    /// Sockets of connections, which libcurl closes through `closed`; its resolver's pipes are not among them.
    private var connections: Set<Int32> = []
    private var wantedAt: EventLoop.Instant?
    private var armed: (token: TimerToken, at: EventLoop.Instant)?
    private var isCleaned = false

    /// - Parameter connectionsPerHost: at a time; nil: as many as there are transfers.
    init(loop: EventLoop, connectionsPerHost: Int?, idleConnections: Int) {
        self.loop = loop
        Self.initializeOnce
        guard let handle = curl_multi_init() else { preconditionFailure("curl_multi_init") }
        self.handle = handle
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_pointer(handle, CURLMOPT_SOCKETDATA, context)
        ccurl_multi_set_pointer(handle, CURLMOPT_TIMERDATA, context)
        ccurl_multi_set_long(handle, CURLMOPT_MAX_HOST_CONNECTIONS, connectionsPerHost ?? 0)
        ccurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, idleConnections)
        ccurl_multi_set_long(handle, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        ccurl_multi_set_socket_function(handle) { _, fd, what, context, _ in
            CurlMulti.of(context).wants(fd, what)
            return 0
        }
        ccurl_multi_set_timer_function(handle) { _, milliseconds, context in
            CurlMulti.of(context).wantsCall(in: milliseconds)
            return 0
        }
    }

    /// Once in a process, at the first transfer rather than at the start: 1 ms and 2.4 MB resident, measured.
    private static let initializeOnce: Void = {
        let code = curl_global_init(Int(CURL_GLOBAL_NOTHING))
        precondition(code == CURLE_OK, "curl_global_init")
    }()

    private static func of(_ context: UnsafeMutableRawPointer?) -> CurlMulti {
        Unmanaged<CurlMulti>.fromOpaque(context!).takeUnretainedValue()
    }

    // MARK: Transfers

    /// Options by which an easy handle tells this object of the connections that it makes.
    func adopt(_ easy: CURLHandle) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(easy, CURLOPT_SOCKOPTDATA, context)
        ccurl_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, context)
        ccurl_set_socket_option_function(easy) { context, fd, _ in
            CurlMulti.of(context).connections.insert(fd)
            return Int32(CURL_SOCKOPT_OK)
        }
        ccurl_set_close_function(easy) { context, fd in CurlMulti.of(context).closed(fd) }
    }

    /// Starts a transfer, whose request is on its way when this returns if there was a connection for it.
    func add(_ easy: CURLHandle) {
        let code = curl_multi_add_handle(handle, easy)
        precondition(code == CURLM_OK, "curl_multi_add_handle")
        act(CURL_SOCKET_TIMEOUT, 0)
    }

    /// Ends a transfer without a response; a connection that it used is closed.
    func remove(_ easy: CURLHandle) {
        curl_multi_remove_handle(handle, easy)
        settle()
    }

    /// Lets a transfer go on whose write callback has asked for a pause. Not from a callback.
    func resume(_ easy: CURLHandle) {
        guard !isCleaned else { return }
        curl_easy_pause(easy, CURLPAUSE_CONT)
        settle()
    }

    /// Closes every connection. No transfer may be left.
    func cleanUp() {
        guard !isCleaned else { return }
        isCleaned = true
        curl_multi_cleanup(handle)
        for socket in sockets.values { socket.watch.cancel() }
        sockets.removeAll()
        if let armed { loop.cancel(armed.token) }
        armed = nil
    }

    private func act(_ fd: Int32, _ events: Int32) {
        guard !isCleaned else { return }
        var running: Int32 = 0
        curl_multi_socket_action(handle, fd, events, &running)
        settle()
    }

    /// Takes the ended transfers out and sets the timer: what its callbacks could not do.
    private func settle() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(handle, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // The message is gone once its handle is removed.
            let result = ccurl_message_result(message)
            curl_multi_remove_handle(handle, easy)
            onDone(easy, result)
        }
        arm()
    }

    // MARK: Timer

    private func wantsCall(in milliseconds: Int) {
        wantedAt = milliseconds < 0 ? nil : loop.now + .milliseconds(milliseconds)
    }

    /// libcurl moves its deadline with every request. A timer that is armed too early stays: it finds out and is armed
    /// anew, once, instead of being cancelled and set for every request.
    private func arm() {
        guard let wantedAt else { return }
        if let armed {
            guard wantedAt < armed.at else { return }
            loop.cancel(armed.token)
        }
        armed = (loop.schedule(at: wantedAt) { [unowned self] in timerFired() }, wantedAt)
    }

    private func timerFired() {
        armed = nil
        guard let wantedAt else { return }
        guard wantedAt <= loop.now else { return arm() }
        self.wantedAt = nil
        act(CURL_SOCKET_TIMEOUT, 0)
    }

    // MARK: Sockets

    private func wants(_ fd: Int32, _ what: Int32) {
        if what == CURL_POLL_REMOVE { return released(fd) }
        let interest = Self.interest(what)
        guard var socket = sockets[fd] else { return watch(fd, interest) }
        if socket.interest != interest { socket.watch.change(interest) }
        socket.interest = interest
        socket.isInUse = true
        sockets[fd] = socket
    }

    private static func interest(_ what: Int32) -> Interest {
        switch what {
        case CURL_POLL_IN: .read
        case CURL_POLL_OUT: .write
        case CURL_POLL_INOUT: both
        default: none
        }
    }

    private func watch(_ fd: Int32, _ interest: Interest) {
        do throws(SystemError) {
            let watch = try loop.watch(fd, interest) { [unowned self] readiness in ready(fd, readiness) }
            sockets[fd] = Socket(watch: watch, interest: interest, isInUse: true)
        } catch {
            // The transfer then ends by its time-out.
        }
    }

    /// libcurl gives a connection back between any two requests on it. It stays watched, which saves two epoll_ctl a
    /// request; when its peer closes it meanwhile, `ready` stops the watch and libcurl finds out at the next use.
    private func released(_ fd: Int32) {
        guard var socket = sockets[fd] else { return }
        guard connections.contains(fd) else { return forget(fd) }
        if socket.interest != .read { socket.watch.change(.read) }
        socket.interest = .read
        socket.isInUse = false
        sockets[fd] = socket
    }

    private func ready(_ fd: Int32, _ readiness: Readiness) {
        guard let socket = sockets[fd] else { return }
        guard socket.isInUse else { return forget(fd) }
        var events: Int32 = 0
        if readiness.isReadable { events |= CURL_CSELECT_IN }
        if readiness.contains(.write) { events |= CURL_CSELECT_OUT }
        if readiness.contains(.error) { events |= CURL_CSELECT_ERR }
        act(fd, events)
    }

    private func forget(_ fd: Int32) {
        sockets.removeValue(forKey: fd)?.watch.cancel()
    }

    private func closed(_ fd: Int32) -> Int32 {
        forget(fd)
        connections.remove(fd)
        return close(fd)
    }
}

/// libcurl's `CURL *`.
typealias CURLHandle = UnsafeMutableRawPointer
