import Bytes
import Kinesis
import Time

/// What lies behind a checkpoint: nothing, or records since some time. Performs no I/O.
enum ShardTip: Equatable, Sendable {
    /// Everything up to the shard's tip is done, however old it is.
    case reached
    /// The oldest record that is not done arrived then.
    case behind(since: WallTime)

    /// Reads a response of GetRecords, whose iterator began at the checkpoint.
    ///
    /// The response's lag is that behind its record, and 0 where that is the shard's newest one: so the first record
    /// says how old it is. An empty response with a lag is normal, and says that records lie ahead.
    init(response: ByteBuffer, now: WallTime) throws(GetRecordsError) {
        var scanner = response.recordsScanner
        try scanner.open()
        var record = RecordFields()
        let hasRecord = try scanner.next(&record)
        let lag = scanner.envelope.millisBehindLatest
        let lagging = now.advanced(by: .milliseconds(-lag))
        if hasRecord, record.arrival != RecordFields.noArrival {
            self = .behind(since: min(WallTime(milliseconds: record.arrival), lagging))
        } else {
            self = hasRecord || lag > 0 ? .behind(since: lagging) : .reached
        }
    }

    /// Milliseconds: 0 only where the tip is reached.
    func lag(now: WallTime) -> Int {
        switch self {
        case .reached: 0
        case .behind(let since): max(1, Int(now.milliseconds - since.milliseconds))
        }
    }
}
