import Bytes
import HTTP
import Reactor

/// How far the body of the current request has been read.
enum BodyProgress {
    /// There is none, or all of it was read.
    case none
    /// So many bytes are missing.
    case length(Int)
    case chunked(ChunkedBodyParser)
    /// HTTP/2, whose frames tell the end.
    case untilEnd
    /// Its chunks are malformed behind what has been read.
    case broken(HTTPParseError)
}

extension HTTPConnection {
    /// Bytes were read that nobody has used.
    var hasInput: Bool { input.buffer != nil }

    var unusedInput: UnsafeRawBufferPointer {
        guard let buffer = input.buffer else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[input.start...])
    }

    func use(_ count: Int) {
        input.start += count
        if let buffer = input.buffer, input.start == buffer.count { dropInput() }
    }

    func dropInput() {
        guard let buffer = input.buffer else { return }
        input.buffer = nil
        input.start = 0
        server.buffers.give(buffer)
    }

    /// One read, behind what is there.
    private func receive() -> Socket.Received {
        let buffer = input.buffer ?? server.buffers.take()
        if input.start > 0 {
            buffer.removeFirst(input.start)
            input.start = 0
        }
        // A head that is longer than the pool's buffers makes this one grow; the parser's limit bounds it.
        buffer.reserve(BufferPool.bufferBytes / 4)
        let result = channel.receive(into: buffer.base + buffer.count, room: buffer.capacity - buffer.count)
        if case .bytes(let count) = result { buffer.setCount(buffer.count + count) }
        if buffer.isEmpty {
            input.buffer = nil
            server.buffers.give(buffer)
        } else {
            input.buffer = buffer
        }
        return result
    }

    // MARK: Heads

    /// Waits for the next request. Nothing is read while the peer does not take the answers that it has.
    func nextHead() async -> HeadOutcome {
        if let outcome = parseHead() { return outcome }
        // Now and not at the end of the turn: the peer works on the answer while the loop serves the next connection.
        flush()
        guard isOpen, !input.hasEnded, hasInput || !server.isDraining else { return .closed }
        input.wish = .head
        setReadDeadline(after: hasInput ? limits.headerTime : limits.idleTime)
        if !isOutputBlocked, !channel.interest.contains(.read) { channel.interest.insert(.read) }
        await withUnsafeContinuation { input.reader = $0 }
        input.wish = .nothing
        clearReadDeadline()
        defer { input.headOutcome = nil }
        return input.headOutcome ?? .closed
    }

    private func parseHead() -> HeadOutcome? {
        guard hasInput else { return nil }
        if !hasServed {
            switch HTTP2Preface.match(unusedInput) {
            case .whole: return .http2
            case .begun: return nil
            case .none: break
            }
        }
        if !parser.isUnderWay, !isKnownUniquelyReferenced(&head) {
            // Somebody kept the last one.
            head = RequestHead()
        }
        do throws(HTTPParseError) {
            guard let length = try parser.parse(unusedInput, into: head) else { return nil }
            parser.reset()
            use(length)
            return .request
        } catch {
            return .refused(error)
        }
    }

    /// An event while the task waits for a head.
    func readHead() {
        guard input.reader != nil, input.headOutcome == nil else {
            channel.interest = channel.interest.subtracting(.read)
            return
        }
        let isFirst = !hasInput
        switch receive() {
        case .bytes:
            input.headOutcome = parseHead()
            // The time of a head is not prolonged by its bytes.
            if input.headOutcome == nil, isFirst { setReadDeadline(after: limits.headerTime) }
        case .end:
            input.hasEnded = true
            input.headOutcome = .closed
        case .wouldBlock: break
        case .failed: return shut()
        }
        if input.headOutcome != nil { wakeReader() }
    }

    /// The server drains: a connection between two requests has no more to do.
    func closeIfIdle() {
        guard input.wish == .head, !hasInput, input.headOutcome == nil else { return }
        input.headOutcome = .closed
        wakeReader()
    }

    // MARK: Bodies

    /// Appends what comes next of the body; false when there is no more. A piece is at most as long as what is
    /// buffered there already, or 16 KiB.
    func readBody(into buffer: ByteBuffer, within time: Duration?) async throws(HTTPBodyError) -> Bool {
        switch body {
        case .none: return false
        case .length(let missing):
            let taken = try await readLength(missing, into: buffer, time)
            body = taken == missing ? .none : .length(missing - taken)
            return true
        case .chunked(let parser):
            return try await readChunks(parser, into: buffer, time)
        case .untilEnd: preconditionFailure("no body of HTTP/1.1")
        case .broken(let error): throw .malformed(error)
        }
    }

    func takeArrivedBody(limit: Int) -> ByteBuffer? {
        guard case .length(let length) = body, length <= limit else { return nil }
        let arrived = unusedInput
        guard length <= arrived.count else { return nil }
        let buffer = ByteBuffer(capacity: length)
        buffer.append(UnsafeRawBufferPointer(rebasing: arrived[..<length]))
        use(length)
        body = .none
        return buffer
    }

    func abandonBody() {
        isBodyAbandoned = true
        if input.wish == .body { wakeReader() }
    }

    private func readLength(
        _ missing: Int, into buffer: ByteBuffer, _ time: Duration?
    ) async throws(HTTPBodyError) -> Int {
        if hasInput {
            let taken = min(missing, unusedInput.count)
            buffer.append(UnsafeRawBufferPointer(rebasing: unusedInput[..<taken]))
            use(taken)
            return taken
        }
        while true {
            try await waitForBody(time)
            // Straight into the body, and never beyond its end, where the next request begins.
            let room = min(missing, max(BufferPool.bufferBytes, buffer.count))
            buffer.reserve(room)
            switch channel.receive(into: buffer.base + buffer.count, room: room) {
            case .bytes(let count):
                buffer.setCount(buffer.count + count)
                return count
            case .wouldBlock: continue
            case .end: try failBody(.truncated)
            case .failed: shut()
            }
        }
    }

    private func readChunks(
        _ parser: ChunkedBodyParser, into buffer: ByteBuffer, _ time: Duration?
    ) async throws(HTTPBodyError) -> Bool {
        var parser = parser
        while true {
            let before = buffer.count
            body = parseChunks(parser, into: buffer)
            // What came before a fault is given first.
            if buffer.count > before { return true }
            switch body {
            case .none: return false
            case .chunked(let next): parser = next
            case .broken(let error): throw .malformed(error)
            case .length, .untilEnd: preconditionFailure("a chunked body stays one")
            }
            try await waitForBody(time)
            switch receive() {
            case .bytes, .wouldBlock: continue
            case .end: try failBody(.truncated)
            case .failed: shut()
            }
        }
    }

    /// All of the input that is there.
    private func parseChunks(_ parser: ChunkedBodyParser, into buffer: ByteBuffer) -> BodyProgress {
        var parser = parser
        let input = unusedInput
        var at = 0
        do throws(HTTPParseError) {
            while true {
                switch try parser.next(input, at: &at) {
                case .data(let range): buffer.append(UnsafeRawBufferPointer(rebasing: input[range]))
                case .needsMore:
                    use(at)
                    return .chunked(parser)
                case .end:
                    use(at)
                    return .none
                }
            }
        } catch {
            mustClose = true
            return .broken(error)
        }
    }

    private func failBody(_ error: HTTPBodyError) throws(HTTPBodyError) {
        if error == .truncated { input.hasEnded = true }
        mustClose = true
        throw error
    }

    /// Returns when something can be read; tells a client that waits for it to go on.
    private func waitForBody(_ time: Duration?) async throws(HTTPBodyError) {
        guard isOpen else { throw .connectionClosed }
        if isBodyAbandoned { throw .abandoned }
        sendOwedContinue()
        await waitToRead(.body, time)
        guard isOpen else { throw .connectionClosed }
        if isBodyAbandoned { throw .abandoned }
        if input.hasTimedOut {
            input.hasTimedOut = false
            try failBody(.timedOut)
        }
    }

    /// Behind an answer that was given it would be taken for the next one.
    func sendOwedContinue() {
        guard owesContinue, exchange?.isAnswered == false else { return }
        owesContinue = false
        outputBuffer().append("HTTP/1.1 100 Continue\r\n\r\n")
        flush()
    }

    /// - Parameter time: nil: without end.
    func waitToRead(_ wish: Wish, _ time: Duration?) async {
        precondition(input.reader == nil, "a body has one reader")
        input.wish = wish
        if let time { setReadDeadline(after: time) }
        if wish != .handshake, !channel.interest.contains(.read) { channel.interest.insert(.read) }
        await withUnsafeContinuation { input.reader = $0 }
        input.wish = .nothing
        clearReadDeadline()
    }
}
