import Bytes
import HTTPServer
import Reactor

/// Writes events to a response one after the other: a heartbeat and a batch may come at the same time.
///
/// Confined to its loop. Holds no bytes of its own: who writes waits until the socket has taken them.
final class EventWriter: @unchecked Sendable {
    private let stream: ResponseStream
    private var isWriting = false
    private var isFinished = false
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    init(_ stream: ResponseStream) {
        self.stream = stream
    }

    /// Whether a write is on its way.
    var isBusy: Bool { isWriting }

    /// Returns when the socket has taken every byte. Once the response is finished nothing is written any more: a
    /// heartbeat may come late.
    nonisolated(nonsending) func write(_ chunks: [ByteBuffer]) async throws(ConnectionClosed) {
        while isWriting {
            await withUnsafeContinuation { waiter in
                // Looked at again: another job may have run while this one was being suspended.
                if isWriting { waiting.append(waiter) } else { waiter.resume() }
            }
        }
        if isFinished { throw ConnectionClosed() }
        isWriting = true
        defer {
            isWriting = false
            if !waiting.isEmpty { waiting.removeFirst().resume() }
        }
        try await stream.write(chunks)
    }

    /// Ends the response in order.
    nonisolated(nonsending) func finish() async {
        isFinished = true
        await stream.finish()
    }

    /// Writes nothing more; the server cuts the response.
    func close() {
        isFinished = true
    }
}
