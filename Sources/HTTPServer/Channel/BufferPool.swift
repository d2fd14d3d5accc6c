import Bytes

/// Buffers of one loop that connections borrow while bytes are in them: an idle connection has none.
///
/// Confined to its loop. Keeps at most 64 buffers, 1 MiB; what grew is given back to the allocator.
final class BufferPool {
    static let bufferBytes = 16 * 1024
    private static let kept = 64

    private var free: [ByteBuffer] = []

    func take() -> ByteBuffer {
        free.popLast() ?? ByteBuffer(capacity: Self.bufferBytes)
    }

    /// Nobody else may hold the buffer.
    func give(_ buffer: ByteBuffer) {
        guard free.count < Self.kept, buffer.capacity <= Self.bufferBytes else { return }
        buffer.removeAll()
        free.append(buffer)
    }
}
