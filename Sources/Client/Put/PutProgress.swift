/// How far a put has come, as a line for a terminal. Performs no I/O.
struct PutProgress: Equatable {
    private static let barWidth = 24

    private(set) var records = 0
    private(set) var failures = 0
    private(set) var bytes = 0
    /// Bytes of the input that are behind, of so many; nil: nobody knows how many there are.
    private var read = 0
    private let total: Int?

    /// - Parameter total: bytes of the input; nil: unknown.
    init(total: Int?) {
        self.total = total
    }

    mutating func put(_ records: Int, failed: Int, bytes: Int) {
        self.records += records
        self.failures += failed
        self.bytes += bytes
    }

    mutating func read(_ bytes: Int) { read += bytes }

    /// `[######..................]  25%  12000 records  3.4 MB/s  2 failed`
    func line(after time: Duration) -> String {
        var parts: [String] = []
        if let total {
            let share = total == 0 ? 1 : min(1, Double(read) / Double(total))
            let filled = Int(share * Double(Self.barWidth))
            let percent = String(Int(share * 100))
            parts.append(
                "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: Self.barWidth - filled)
                    + "] " + String(repeating: " ", count: 3 - percent.count) + percent + "%")
        }
        parts.append(summaryOfRecords)
        parts.append("\(PrintableText.bytes(rate(time)))/s")
        if failures > 0 { parts.append("\(failures) failed") }
        return parts.joined(separator: "  ")
    }

    /// `3 records put, 1 failed`
    var summary: String { "\(summaryOfRecords) put" + (failures > 0 ? ", \(failures) failed" : "") }

    private var summaryOfRecords: String { "\(records) \(records == 1 ? "record" : "records")" }

    private func rate(_ time: Duration) -> Int {
        let (seconds, attoseconds) = time.components
        let elapsed = Double(seconds) + Double(attoseconds) / 1e18
        return elapsed > 0 ? Int(min(Double(bytes) / elapsed, 1e15)) : 0
    }
}
