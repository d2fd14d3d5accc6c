import Bytes
import Glibc
import Kinesis

/// What one run found. Rates are of the best of the rounds: the machine has other work, and only ever slows down.
struct Figures {
    var answerBytes = 0
    var payloadBytes = 0
    var records = 0
    var bestSeconds = Double.infinity
    /// The usual slice of 256 KiB: what one turn of the loop takes.
    var medianSliceSeconds = 0.0
    var rounds = 0

    var json: String {
        let megabytes = Double(answerBytes) / bestSeconds / 1e6
        let rate = Double(records) / bestSeconds
        return "{\"program\":\"kinesis-sidecar\",\"answerBytes\":\(answerBytes),\"records\":\(records),"
            + "\"payloadBytes\":\(payloadBytes),\"rounds\":\(rounds),\"answerMBPerSecond\":\(round(megabytes * 10) / 10),"
            + "\"recordsPerSecond\":\(Int(rate)),\"medianSliceMicroseconds\":\(Int(medianSliceSeconds * 1e6))}"
    }
}

func measure(_ answer: ByteBuffer, seconds: Double) -> Figures {
    var figures = Figures()
    figures.answerBytes = answer.count
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    var slices: [Double] = []
    repeat {
        let start = clock.now
        var sliceStart = start
        let (records, bytes) = encode(answer) {
            let now = clock.now
            slices.append((now - sliceStart) / .seconds(1))
            sliceStart = now
        }
        figures.bestSeconds = min(figures.bestSeconds, (clock.now - start) / .seconds(1))
        figures.records = records
        figures.payloadBytes = bytes
        figures.rounds += 1
    } while clock.now < deadline
    figures.medianSliceSeconds = slices.sorted()[slices.count / 2]
    return figures
}

/// The whole answer to payloads; each is let go before the next, as a socket that keeps up does.
private func encode(_ answer: ByteBuffer, _ sliceDone: () -> Void) -> (records: Int, bytes: Int) {
    var encoder = RecordBatchEncoder(
        answer, stream: StreamName("orders")!, shard: ShardID(number: 0), encoding: RecordEncoding())
    var records = 0
    var bytes = 0
    do {
        while let batch = try encoder.next() {
            records += batch.recordCount
            bytes += batch.payloadBytes
            sliceDone()
        }
    } catch {
        complain("\(error)")
        exit(1)
    }
    return (records, bytes)
}

func readFile(_ path: String) -> ByteBuffer {
    guard let file = fopen(path, "rb") else { fail("cannot open", path) }
    defer { fclose(file) }
    let buffer = ByteBuffer(capacity: 1 << 20)
    while true {
        buffer.reserve(1 << 20)
        let count = fread(buffer.base + buffer.count, 1, 1 << 20, file)
        if count == 0 { return buffer }
        buffer.setCount(buffer.count + count)
    }
}

func writeFile(_ path: String, _ buffer: ByteBuffer) {
    guard let file = fopen(path, "wb") else { fail("cannot create", path) }
    guard fwrite(buffer.base, 1, buffer.count, file) == buffer.count, fclose(file) == 0 else {
        fail("cannot write", path)
    }
}

private func fail(_ what: String, _ path: String) -> Never {
    complain("\(what) \(path): \(String(cString: strerror(errno)))")
    exit(1)
}

/// One line on standard error; C's `stderr` is a variable, which Swift 6 does not let us name.
func complain(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
