import Bytes
import HTTP
import Reactor

extension HTTPConnection {
    /// Output beyond which a connection's next pipelined request waits until the peer has taken it.
    private static let gatheredBytes = 64 * 1024

    /// Serves requests one after the other until the connection ends. The connection's one task.
    func run() async {
        guard await agreeOnTLS() else { return await end(lingering: !channel.isSecure) }
        var isIdle = false
        while isOpen, !mustClose, !isIdle {
            // One packet brings hundreds of requests: between two of them others have their turn.
            if hasServed, hasInput { await loop.nextTurn() }
            switch await nextHead() {
            case .request:
                hasServed = true
                await serve()
            case .http2: return await goOverToHTTP2()
            case .refused(let error): refuse(.malformed(error))
            case .timedOut: refuse(.headTimedOut)
            case .closed: isIdle = true
            }
            if let buffer = output.buffer, buffer.count > Self.gatheredBytes { await drainOutput() }
        }
        await end(lingering: !isIdle)
    }

    private func goOverToHTTP2() async {
        endDeadlines()
        let connection = HTTP2Connection(channel, server: server)
        server.replace(self, by: connection)
        let read = input.buffer
        input.buffer = nil
        await connection.run(read)
        if let read { server.buffers.give(read) }
        server.ended(self)
    }

    /// Answers 503 without reading a request.
    func turnAway(_ reason: RefusedRequest) async {
        guard await agreeOnTLS() else { return await end(lingering: false) }
        refuse(reason)
        await end(lingering: true)
    }

    /// Returns whether requests can be read: at once on a plain connection, else after the handshake.
    @inline(never)
    private func agreeOnTLS() async -> Bool {
        guard channel.isSecure else { return true }
        let deadline = loop.now + limits.handshakeTime
        while isOpen {
            let wanted: Interest
            switch channel.handshake() {
            case .done:
                channel.interest = .read
                return isOpen
            case .wantsRead: wanted = .read
            case .wantsWrite: wanted = .write
            case .ended: return failHandshake("the peer has left")
            case .failed(let reason): return failHandshake(reason)
            }
            guard loop.now < deadline, !input.hasTimedOut else { return failHandshake("it took too long") }
            if channel.interest != wanted { channel.interest = wanted }
            await waitToRead(.handshake, deadline - loop.now)
        }
        return false
    }

    private func failHandshake(_ reason: String) -> Bool {
        server.logger.debug(
            "no TLS was agreed on", metadata: ["peer": "\(ListenAddress(channel.peer))", "reason": "\(reason)"])
        guard reason == TLSSession.isPlainHTTP else { return false }
        channel.giveUpTLS()
        refuse(.plainHTTP)
        return false
    }

    private func serve() async {
        let exchange = begin()
        await server.handler.handle(exchange)
        await exchange.conclude()
        self.exchange = nil
        if case .none = body { return }
        if isOpen, !mustClose { await discardBody() }
    }

    /// Apart from `serve`, whose frame lives for as long as the handler runs: 10,000 idle streams have one each.
    @inline(never)
    private func begin() -> HTTPExchange {
        server.requestCount += 1
        let facts = head.facts
        mustClose = facts.wantsClose || server.isDraining
        switch facts.framing {
        case .none: body = .none
        case .length(let length): body = .length(length)
        case .chunked: body = .chunked(ChunkedBodyParser(limits: limits))
        }
        // A client that has begun to send does not wait (RFC 9110, 10.1.1).
        owesContinue = facts.expectsContinue && facts.framing != .none && !hasInput
        isBodyAbandoned = false
        let exchange = HTTPExchange(
            request: HTTPRequest(head: head, scheme: channel.isSecure ? "https" : "http"), stream: self)
        self.exchange = exchange
        return exchange
    }

    // MARK: Bodies that nobody wanted

    /// Whether the rest of the body is worth reading to keep the connection. A client that waits for 100 Continue may
    /// or may not send the body after another answer, so that nothing can follow on its connection.
    var canDiscardBody: Bool {
        switch body {
        case .none: true
        case .length(let missing): !owesContinue && missing - unusedInput.count <= limits.discardBytes
        case .chunked: !owesContinue
        case .untilEnd, .broken: false
        }
    }

    @inline(never)
    private func discardBody() async {
        if case .length(let missing) = body, missing <= unusedInput.count {
            use(missing)
            body = .none
            return
        }
        await drainOutput()
        let scratch = server.buffers.take()
        var discarded = 0
        do throws(HTTPBodyError) {
            while try await readBody(into: scratch, within: limits.bodyTime) {
                discarded += scratch.count
                scratch.removeAll()
                if discarded > limits.discardBytes + BufferPool.bufferBytes {
                    mustClose = true
                    break
                }
            }
        } catch {
            mustClose = true
        }
        server.buffers.give(scratch)
    }

    // MARK: The end

    private func refuse(_ reason: RefusedRequest) {
        mustClose = true
        guard isOpen else { return }
        server.logger.debug(
            "refused a request", metadata: ["peer": "\(ListenAddress(channel.peer))", "code": "\(reason.code)"])
        let (headers, content) = server.onBadRequest(reason)
        let buffer = outputBuffer()
        ResponseHead.append(
            reason.status, headers: headers, framing: .length(content.count), persistence: .close,
            date: server.dateLine.current, to: buffer)
        buffer.append(content)
    }

    /// Sends what gathered, then closes: at once where the peer is done or nothing was asked, else write side first.
    /// A close with unread bytes would be a reset, which takes the answer away from the client that still sends.
    private func end(lingering: Bool) async {
        await drainOutput()
        if isOpen, lingering, !input.hasEnded {
            channel.shutWriting()
            await readAway()
        }
        shut()
        server.ended(self)
    }

    private func readAway() async {
        dropInput()
        input.hasTimedOut = false
        let start = loop.now
        // A process that ends waits for no client that never stops.
        var deadline: EventLoop.Instant { start + (server.isDraining ? limits.lingerTime : limits.farewellTime) }
        while isOpen, !input.hasTimedOut, loop.now < deadline {
            switch receiveNothing() {
            case .bytes: await loop.nextTurn()
            case .wouldBlock: await waitToRead(.farewell, min(limits.lingerTime, deadline - loop.now))
            case .end, .failed: shut()
            }
        }
    }

    /// The buffer is borrowed for no longer: all of a server's connections may end at the same time.
    private func receiveNothing() -> Socket.Received {
        let scratch = server.buffers.take()
        defer { server.buffers.give(scratch) }
        return channel.receive(into: scratch.base, room: scratch.capacity)
    }
}
