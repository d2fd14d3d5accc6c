import Bytes
import Glibc
import Kinesis

/// LZ-UTF8 both ways over records of about `payloadBytes`, in bytes of text a second, and what is left of a text.
func measureLZUTF8(payloadBytes: Int, seconds: Double) -> String {
    let texts = (0..<1000).map { samplePayload($0, payloadBytes) }
    let compressed = texts.map { text in
        let output = ByteBuffer()
        LZUTF8.compress(text.bytes, to: output)
        return output
    }
    let bytes = texts.reduce(0) { $0 + $1.count }
    let output = ByteBuffer(capacity: 2 * payloadBytes + 1024)
    let compression = best(seconds / 2) {
        for text in texts {
            output.removeAll()
            LZUTF8.compress(text.bytes, to: output)
        }
    }
    let decompression = best(seconds / 2) {
        for (text, record) in zip(texts, compressed) {
            output.removeAll()
            try? LZUTF8.decompress(record.bytes, to: output, limit: text.count)
            guard output.count == text.count else {
                complain("a text of \(text.count) bytes came out as \(output.count)")
                exit(1)
            }
        }
    }
    let megabytes = Double(bytes) / 1e6
    return "{\"payloadBytes\":\(payloadBytes),\"compressMBPerSecond\":\(Int(megabytes / compression)),"
        + "\"decompressMBPerSecond\":\(Int(megabytes / decompression)),"
        + "\"percentLeft\":\(100 * compressed.reduce(0) { $0 + $1.count } / bytes)}"
}

/// The seconds of the quickest round: the machine has other work, and only ever slows down.
private func best(_ seconds: Double, _ round: () -> Void) -> Double {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    var best = Double.infinity
    repeat {
        best = min(best, clock.measure(round) / .seconds(1))
    } while clock.now < deadline
    return best
}
