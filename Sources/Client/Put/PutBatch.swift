import Bytes
import JSON

/// Records that go in one request, as the lines of its body. Performs no I/O.
///
/// A request for every batch instead of one for all: its response says what became of each of its lines, so that what is
/// known to be put is known at any time, and an input that pauses holds no request open.
struct PutBatch {
    /// Where a record comes from, as messages name it.
    struct Origin: Equatable, CustomStringConvertible {
        enum Source: Equatable { case argument, standardInput, file(String) }

        let source: Source
        /// Of the argument or the line, from 1.
        let number: Int

        var description: String {
            switch source {
            case .argument: "argument \(number)"
            case .standardInput: "line \(number)"
            case .file(let path): "\(path):\(number)"
            }
        }
    }

    /// Bytes from which on nothing is added: several PutRecords, which the sidecar makes of them at once.
    private static let enoughBytes = 1 << 20
    /// The same of lines. A response has at most 4 MiB of failures, of which one is up to 1 KiB and a little.
    private static let enoughLines = 2000

    let body = ByteBuffer()
    private(set) var origins: [Origin] = []
    /// Of the records' data.
    private(set) var bytes = 0

    var isEmpty: Bool { origins.isEmpty }
    var isFull: Bool { origins.count >= Self.enoughLines || body.count >= Self.enoughBytes }

    /// Adds a record whose data is these bytes. JSON stays as it is: the sidecar takes a string's bytes.
    mutating func add(_ data: UnsafeRawBufferPointer, key: String?, _ origin: Origin) {
        var json = JSONWriter(body)
        json.beginObject()
        json.key("data")
        if UTF8Text.isValid(data) {
            json.string(data)
        } else {
            json.base64(data)
            json.member("dataEncoding", "base64")
        }
        json.optional("partitionKey", key)
        json.endObject()
        added(data.count, origin)
    }

    /// Adds a line that has a record's fields. An argument may have line breaks, which are white space in JSON.
    mutating func add(fields line: UnsafeRawBufferPointer, _ origin: Origin) {
        body.append(contentsOf: line.lazy.map { $0 == 10 || $0 == 13 ? 32 : $0 })
        added(line.count, origin)
    }

    private mutating func added(_ count: Int, _ origin: Origin) {
        body.append("\n")
        bytes += count
        origins.append(origin)
    }
}

/// The response to the lines of a batch. Performs no I/O.
struct PutBatchResponse: Equatable {
    struct Failure: Equatable {
        /// Its place in the batch, from 0.
        let index: Int
        let reason: String
    }

    private(set) var failures: [Failure] = []
    private(set) var accepted = 0
    /// The lines that were looked at; those behind them were not put.
    private(set) var lines = 0
    /// Why those were not.
    private(set) var problem: String?

    /// nil: the last line is missing, so that the response was cut, or it is none of these.
    init?(_ body: String) {
        var hasCounts = false
        for line in body.split(separator: "\n") {
            guard let value = try? JSONParser.parse(String(line)) else { return nil }
            if let number = value["line"]?.int, number > 0 {
                let message = value["errorMessage"]?.string ?? ""
                failures.append(
                    Failure(index: number - 1, reason: "\(value["errorCode"]?.string ?? "failed"): \(message)"))
            } else if let lines = value["lines"]?.int, let accepted = value["accepted"]?.int {
                (self.lines, self.accepted) = (lines, accepted)
                hasCounts = true
                problem = value["problem"].map { problem in
                    [problem["title"], problem["detail"]].compactMap { $0?.string }.joined(separator: ": ")
                }
            }
        }
        guard hasCounts else { return nil }
    }
}
