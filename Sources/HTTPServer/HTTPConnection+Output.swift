import Bytes
import HTTP
import Reactor

extension HTTPConnection {
    /// Output that was offered to the kernel and not taken: the peer does not read.
    var isOutputBlocked: Bool { interest.contains(.write) }

    /// Where small answers gather. It leaves at the end of the turn.
    func outputBuffer() -> ByteBuffer {
        if !isFlushScheduled {
            isFlushScheduled = true
            server.flushAtEndOfTurn(self)
        }
        if let output { return output }
        let buffer = server.buffers.take()
        output = buffer
        return buffer
    }

    func dropOutput() {
        guard let buffer = output else { return }
        output = nil
        outputStart = 0
        server.buffers.give(buffer)
    }

    func endOfTurn() {
        isFlushScheduled = false
        flush()
    }

    /// Offers the output to the kernel once. What it does not take waits for the socket to become writable; requests
    /// that come meanwhile stay unread.
    func flush() {
        guard isOpen, !isWriting, let buffer = output else { return }
        switch Socket.send(fd, buffer.base + outputStart, buffer.count - outputStart) {
        case .bytes(let count):
            outputStart += count
            if outputStart == buffer.count { return outputWasTaken() }
            setWriteDeadline(after: limits.answerTime)
        case .wouldBlock:
            if !interest.contains(.write) { setWriteDeadline(after: limits.answerTime) }
        case .failed: return shut()
        }
        interest = interest.union(.write).subtracting(wish == .head ? .read : [])
    }

    private func outputWasTaken() {
        dropOutput()
        guard interest.contains(.write) else { return }
        clearWriteDeadline()
        interest = interest.subtracting(.write).union(wish == .head ? .read : [])
    }

    func becameWritable() {
        if writer != nil { return wakeWriter() }
        flush()
        if isOpen, output == nil { interest.remove(.write) }
    }

    /// Returns when all output is with the kernel, or the connection is closed.
    func drainOutput() async {
        guard output != nil else { return }
        try? await write([], within: limits.answerTime)
    }

    /// Returns when the kernel has taken every byte: what gathered before, then the chunks, with as few calls as it
    /// lets. Writers that come while one waits have their turn after it. After an error nothing more is sent.
    func write(_ chunks: [ByteBuffer], within time: Duration) async throws(ConnectionClosed) {
        if isWriting {
            await withUnsafeContinuation { writersInLine.append($0) }
        }
        isWriting = true
        defer { letNextWriterIn() }
        guard isOpen else { throw ConnectionClosed() }
        var pieces = chunks.filter { !$0.isEmpty }[...]
        var skip = 0
        let gathered = output
        if let gathered {
            pieces.insert(gathered, at: 0)
            skip = outputStart
            output = nil
            outputStart = 0
        }
        while !pieces.isEmpty {
            switch Socket.send(fd, pieces, skip: skip) {
            case .bytes(let count): Self.advance(&pieces, &skip, by: count)
            case .wouldBlock: await waitToWrite(time)
            case .failed: shut()
            }
            guard isOpen else { throw ConnectionClosed() }
        }
        if let gathered { server.buffers.give(gathered) }
    }

    private static func advance(_ pieces: inout ArraySlice<ByteBuffer>, _ skip: inout Int, by count: Int) {
        skip += count
        while let first = pieces.first, skip >= first.count {
            skip -= first.count
            pieces.removeFirst()
        }
    }

    private func waitToWrite(_ time: Duration) async {
        setWriteDeadline(after: time)
        interest.insert(.write)
        await withUnsafeContinuation { writer = $0 }
        clearWriteDeadline()
        guard isOpen else { return }
        interest.remove(.write)
    }

    // MARK: What the peer has got

    private static let lookInterval = Duration.milliseconds(5)

    /// Looks now and then until it is so; false once the connection is closed or `lingerTime` is over. There is no event
    /// for an acknowledgement.
    func becomes(_ condition: (HTTPConnection) -> Bool) async -> Bool {
        let deadline = loop.now + limits.lingerTime
        while isOpen {
            if condition(self) { return true }
            guard loop.now < deadline else { return false }
            try? await loop.sleep(for: Self.lookInterval)
        }
        return false
    }

    /// Whether the peer's kernel has acknowledged every byte that was written. Our own FIN proves nothing, and Linux counts
    /// it as one byte behind them while it is not acknowledged (tcp_ioctl: write_seq - snd_una).
    var isOutputAcknowledged: Bool {
        output == nil && (0...(hasShutWriting ? 1 : 0)).contains(Socket.unacknowledgedBytes(fd))
    }

    /// Whether the peer has closed in order. The look takes a reset's error from the socket, which then looks to epoll as if
    /// both sides were done: so a reset ends the connection here.
    func lookWhetherPeerClosed() -> Bool {
        // Behind a FIN `recv` says that the stream has ended, also where a reset came after it.
        guard !Socket.takesError(fd) else {
            shut()
            return false
        }
        switch Socket.peek(fd) {
        case .end: return true
        case .failed: shut()
        case .bytes, .wouldBlock: return hasPeerClosed
        }
        return false
    }

    private func letNextWriterIn() {
        if writersInLine.isEmpty {
            isWriting = false
        } else {
            writersInLine.removeFirst().resume()
        }
    }
}
