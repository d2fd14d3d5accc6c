import Bytes
import HTTP
import Reactor

extension HTTPConnection {
    /// Output that was offered to the kernel and not taken: the peer does not read.
    var isOutputBlocked: Bool { channel.interest.contains(.write) }

    /// Where small answers gather. It leaves at the end of the turn.
    func outputBuffer() -> ByteBuffer {
        if !output.isFlushScheduled {
            output.isFlushScheduled = true
            server.flushAtEndOfTurn(self)
        }
        if let buffer = output.buffer { return buffer }
        let buffer = server.buffers.take()
        output.buffer = buffer
        return buffer
    }

    func dropOutput() {
        guard let buffer = output.buffer else { return }
        output.buffer = nil
        output.start = 0
        server.buffers.give(buffer)
    }

    func endOfTurn() {
        output.isFlushScheduled = false
        flush()
    }

    /// Offers the output to the kernel once. What it does not take waits for the socket to become writable; requests
    /// that come meanwhile stay unread.
    func flush() {
        guard isOpen, !output.isWriting, let buffer = output.buffer else { return }
        switch channel.send(buffer.base + output.start, buffer.count - output.start) {
        case .bytes(let count):
            output.start += count
            if output.start == buffer.count { return outputWasTaken() }
            setWriteDeadline(after: limits.answerTime)
        case .wouldBlock:
            if !channel.interest.contains(.write) { setWriteDeadline(after: limits.answerTime) }
        case .failed: return shut()
        }
        channel.interest = channel.interest.union(.write).subtracting(input.wish == .head ? .read : [])
    }

    private func outputWasTaken() {
        dropOutput()
        guard channel.interest.contains(.write) else { return }
        clearWriteDeadline()
        channel.interest = channel.interest.subtracting(.write).union(input.wish == .head ? .read : [])
    }

    func becameWritable() {
        if input.wish == .handshake { return wakeReader() }
        if output.writer != nil { return wakeWriter() }
        flush()
        if isOpen, output.buffer == nil { channel.interest.remove(.write) }
    }

    /// Returns when all output is with the kernel, or the connection is closed.
    func drainOutput() async {
        guard output.buffer != nil else { return }
        try? await send([], within: limits.answerTime)
    }

    /// Returns when the kernel has taken every byte: what gathered before, then the chunks, with as few calls as it
    /// lets. Writers that come while one waits have their turn after it. After an error nothing more is sent.
    func send(_ chunks: [ByteBuffer], within time: Duration) async throws(ConnectionClosed) {
        if output.isWriting {
            await withUnsafeContinuation { output.writersInLine.append($0) }
        }
        output.isWriting = true
        defer { letNextWriterIn() }
        guard isOpen else { throw ConnectionClosed() }
        var pieces = chunks.filter { !$0.isEmpty }[...]
        var skip = 0
        let gathered = output.buffer
        if let gathered {
            pieces.insert(gathered, at: 0)
            skip = output.start
            output.buffer = nil
            output.start = 0
        }
        while !pieces.isEmpty {
            switch channel.send(pieces, skip: skip) {
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
        channel.interest.insert(.write)
        await withUnsafeContinuation { output.writer = $0 }
        clearWriteDeadline()
        guard isOpen else { return }
        channel.interest.remove(.write)
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

    /// Whether the peer's kernel has acknowledged every byte that was written.
    var isOutputAcknowledged: Bool { output.buffer == nil && channel.isAcknowledged }

    private func letNextWriterIn() {
        if output.writersInLine.isEmpty {
            output.isWriting = false
        } else {
            output.writersInLine.removeFirst().resume()
        }
    }
}
