import Bytes
import CNGHTTP2
import HTTP
import Reactor

/// One connection that speaks HTTP/2: frames, header compression and flow control are nghttp2's, each stream has a task that
/// serves it. Confined to its loop.
///
/// nghttp2's callbacks are in HTTP2Connection+Callbacks. Frames gather in `output` and leave with the turn; while the kernel
/// takes none, nothing is read.
final class HTTP2Connection: ChannelUser, ServerConnection, @unchecked Sendable {
    /// Frames that gather before they are offered to the kernel, in bytes.
    private static let gatheredBytes = 64 * 1024
    /// Reads and writes of one turn.
    private static let callsPerTurn = 4

    let server: HTTPServer
    let channel: Channel
    private var session: OpaquePointer!
    var streams: [Int32: HTTP2Stream] = [:]
    /// That of the last block of fields, among `streams`.
    var arriving: HTTP2Stream?
    /// When the block of a request that has begun has to be complete; nil: none has. Nothing else is read meanwhile.
    var blockDue: EventLoop.Instant?
    private var deadlines = Deadlines()
    var flood: FloodGuard
    /// Who waits until the connection has ended.
    private var end: UnsafeContinuation<Void, Never>?

    private var output: ByteBuffer?
    private var outputStart = 0
    private var isFlushScheduled = false
    /// Bytes that nghttp2 has given out, and that the kernel has taken, since the connection began.
    private var (producedBytes, sentBytes) = (0, 0)
    /// Streams of which nghttp2 has taken all, within the frame that it makes now; then with where that ends.
    private var drainedStreams: [HTTP2Stream] = []
    private var awaited = Fifo<(end: Int, stream: HTTP2Stream)>()
    /// Who waits for the answer to a PING.
    private var pings: [UInt64: Gate] = [:]
    private var lastPing: UInt64 = 0

    init(_ channel: Channel, server: HTTPServer) {
        self.channel = channel
        self.server = server
        flood = FloodGuard(server.limits)
        session = Self.newSession(self)
        channel.user = self
        // Whoever had the channel may have let it rest.
        channel.interest = .read
        submitSettings()
    }

    deinit { nghttp2_session_del(session) }

    var loop: EventLoop { server.loop }
    var limits: HTTPLimits { server.limits }

    private func submitSettings() {
        let window = UInt32(limits.http2WindowBytes)
        let settings = [
            (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(limits.http2Streams)),
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerBytes)),
        ].map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: $0.1) }
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(4 * window))
    }

    /// Serves until the connection has ended.
    /// - Parameter input: what was read of it already.
    func run(_ input: ByteBuffer?) async {
        flushSoon()
        if let input { feed(input.bytes) }
        setReadTime()
        if channel.isOpen { await withUnsafeContinuation { end = $0 } }
    }

    // MARK: Events

    func peerIsGone() { shut() }

    /// A client that shuts its side sends nothing more, no window either; it is found out by the next read.
    func peerFinished() { channel.interest.remove(.peerClosed) }

    func becameReadable() {
        let buffer = server.buffers.take()
        defer { server.buffers.give(buffer) }
        for _ in 0..<Self.callsPerTurn {
            guard channel.isOpen, !isBlocked else { break }
            switch channel.receive(into: buffer.base, room: buffer.capacity) {
            case .bytes(let count):
                feed(UnsafeRawBufferPointer(start: buffer.base, count: count))
                if count < buffer.capacity { return }
            case .wouldBlock: return
            case .end, .failed: return shut()
            }
        }
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) {
        let start = bytes.bindMemory(to: UInt8.self).baseAddress
        let used = nghttp2_session_mem_recv(session, start, bytes.count)
        // What is wrong with the frames nghttp2 says to the peer itself; here its own limits were broken, or memory.
        guard used >= 0 else {
            server.logger.debug(
                "HTTP/2 ends", metadata: ["reason": "\(String(cString: nghttp2_strerror(Int32(used))))"])
            return shut()
        }
        setReadTime()
        flushSoon()
    }

    func becameWritable() {
        channel.interest.remove(.write)
        deadlines.clearWrite()
        channel.interest.insert(.read)
        flush()
    }

    // MARK: Sending

    /// The kernel takes nothing at present.
    private var isBlocked: Bool { channel.interest.contains(.write) }

    /// Whether something waits for the kernel.
    var holdsOutput: Bool { output != nil || !drainedStreams.isEmpty }

    func flushSoon() {
        guard !isFlushScheduled, channel.isOpen else { return }
        isFlushScheduled = true
        server.flushAtEndOfTurn(self)
    }

    func endOfTurn() {
        isFlushScheduled = false
        flush()
    }

    private func flush() {
        guard channel.isOpen, !isBlocked else { return }
        for _ in 0..<Self.callsPerTurn {
            gather()
            guard let buffer = output else { return endIfOver() }
            switch channel.send(buffer.base + outputStart, buffer.count - outputStart) {
            case .bytes(let count): sent(count, of: buffer)
            case .wouldBlock: return block()
            case .failed: return shut()
            }
        }
        // Others have their turn.
        _ = loop.schedule(at: loop.now) { [weak self] in self?.flushSoon() }
    }

    private func gather() {
        while (output?.count ?? 0) - outputStart < Self.gatheredBytes {
            var start: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &start)
            guard count > 0 else { break }
            let buffer = output ?? server.buffers.take()
            output = buffer
            buffer.append(UnsafeRawBufferPointer(start: start, count: count))
            producedBytes += count
            for stream in drainedStreams { awaited.append((producedBytes, stream)) }
            drainedStreams.removeAll(keepingCapacity: true)
        }
        // Those that had no more to give, and wait for what is on its way.
        for stream in drainedStreams { awaited.append((producedBytes, stream)) }
        drainedStreams.removeAll(keepingCapacity: true)
        wakeWriters()
    }

    private func sent(_ count: Int, of buffer: ByteBuffer) {
        sentBytes += count
        outputStart += count
        if outputStart == buffer.count {
            output = nil
            outputStart = 0
            server.buffers.give(buffer)
        }
        wakeWriters()
    }

    private func wakeWriters() {
        while let (end, stream) = awaited.first, end <= sentBytes {
            awaited.popFirst()
            stream.wakeWriters(isTaken: true)
        }
    }

    private func block() {
        channel.interest = .write
        if limits.streamWriteTime > .zero {
            deadlines.setWrite(
                after: limits.streamWriteTime, now: loop.now, unacknowledgedBytes: channel.unacknowledgedBytes)
            setTimer()
        }
    }

    private func endIfOver() {
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 { shut() }
    }

    // MARK: For the streams

    func submit(_ fields: HTTP2Fields, for id: Int32, hasBody: Bool) {
        fields.withNameValues { values in
            if hasBody {
                var provider = nghttp2_data_provider()
                provider.read_callback = Self.provide
                nghttp2_submit_response(session, id, values.baseAddress, values.count, &provider)
            } else {
                nghttp2_submit_response(session, id, values.baseAddress, values.count, nil)
            }
        }
        flushSoon()
    }

    /// Called while nghttp2 takes the last of the answer: they follow it.
    func submit(trailers fields: HTTP2Fields, for id: Int32) {
        fields.withNameValues { values in
            _ = nghttp2_submit_trailer(session, id, values.baseAddress, values.count)
        }
    }

    func resume(_ id: Int32) { nghttp2_session_resume_data(session, id) }

    /// nghttp2 has all that the stream had to give.
    func drained(_ stream: HTTP2Stream) { drainedStreams.append(stream) }

    /// - Parameter behindAnswer: once the answer has left.
    func reset(_ id: Int32, _ code: nghttp2_error_code, behindAnswer: Bool) {
        if behindAnswer { gather() }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
        flushSoon()
    }

    /// Bytes were read, or dropped: the peer may send as many more.
    /// - Parameter id: nil: the stream is no more.
    func consumed(_ count: Int, of id: Int32?) {
        if let id {
            nghttp2_session_consume(session, id, count)
        } else {
            nghttp2_session_consume_connection(session, count)
        }
        flushSoon()
    }

    // MARK: Pings

    /// Whether the peer answers a PING that is sent now.
    func isHeard(within time: Duration) async -> Bool {
        guard channel.isOpen else { return false }
        lastPing += 1
        let ping = lastPing
        withUnsafeBytes(of: ping) { payload in
            _ = nghttp2_submit_ping(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), payload.bindMemory(to: UInt8.self).baseAddress)
        }
        flushSoon()
        let gate = Gate(loop: loop)
        pings[ping] = gate
        let deadline = loop.now + time
        let timer = loop.schedule(at: deadline) { gate.open() }
        defer { loop.cancel(timer) }
        try? await gate.wait(while: { pings[ping] != nil && loop.now < deadline && channel.isOpen })
        return pings.removeValue(forKey: ping) == nil
    }

    func heard(_ ping: UInt64) { pings.removeValue(forKey: ping)?.open() }

    // MARK: The end

    /// No new requests; those that are under way are answered.
    func closeIfIdle() {
        let last = nghttp2_session_get_last_proc_stream_id(session)
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
        flushSoon()
    }

    /// The peer asks too much: it is told so, and nothing more of it is read.
    func endForFlood(_ kind: FloodGuard.Kind) {
        server.logger.warning(
            "a client of HTTP/2 floods; its connection ends",
            metadata: ["reason": "\(kind)", "peer": "\(ListenAddress(channel.peer))"])
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
        flushSoon()
    }

    func shut() {
        guard channel.isOpen else { return }
        channel.close()
        deadlines.end(on: loop)
        if let output { server.buffers.give(output) }
        (output, outputStart) = (nil, 0)
        for stream in streams.values { stream.closed(isOrderly: false) }
        streams.removeAll()
        arriving = nil
        blockDue = nil
        while let (_, stream) = awaited.popFirst() { stream.wakeWriters(isTaken: false) }
        for stream in drainedStreams { stream.wakeWriters(isTaken: false) }
        drainedStreams.removeAll()
        for gate in pings.values { gate.open() }
        end?.resume()
        end = nil
    }

    // MARK: Deadlines

    /// A connection without requests is kept for `idleTime`, and one whose next request has begun for `headerTime` from there.
    func setReadTime() {
        guard channel.isOpen else { return }
        guard let due = blockDue ?? (streams.isEmpty ? loop.now + limits.idleTime : nil) else {
            return deadlines.clearRead()
        }
        deadlines.setRead(due)
        setTimer()
    }

    private func setTimer() {
        guard channel.isOpen, let instant = deadlines.neededTimer else { return }
        let token = loop.schedule(at: instant) { [weak self] in self?.timerFired() }
        if let former = deadlines.timerIsSet(token, at: instant) { loop.cancel(former) }
    }

    private func timerFired() {
        let passed = deadlines.timerFired(now: loop.now) { channel.unacknowledgedBytes }
        if passed.write { return shut() }
        if passed.read, blockDue != nil || streams.isEmpty {
            // What is under way on other streams goes too: nothing can be read of them behind half a block.
            nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue)
            flushSoon()
        }
        setTimer()
    }
}

extension HTTP2Fields {
    /// As nghttp2 takes them; valid within `body`.
    fileprivate func withNameValues(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Void) {
        let base = bytes.base
        withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { values in
            for (index, field) in fields.enumerated() {
                values[index] = nghttp2_nv(
                    name: base + field.name.lowerBound, value: base + field.value.lowerBound,
                    namelen: field.name.count, valuelen: field.value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            body(values)
        }
    }
}
