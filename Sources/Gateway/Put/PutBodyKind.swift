/// What the body of a put is: its Content-Type says so, or `?raw=true`. Performs no I/O.
enum PutBodyKind: CaseIterable, Sendable {
    /// One record or many as JSON, read by `PutBody`.
    case envelope
    /// An envelope of one record a line, read by `PutLinesSession`.
    case lines
    /// One record's data, its bytes as they are.
    case data

    /// Types of an envelope. The last two are what clients say who send JSON and name no type themselves: `fetch` with
    /// a string, and `curl -d`.
    static let envelopeTypes = ["application/json", "text/json", "text/plain", "application/x-www-form-urlencoded"]
    /// The names of JSON lines; none of them is registered.
    static let linesTypes = [
        "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
        "application/jsonlines", "application/x-jsonlines", "application/json-lines", "application/x-json-lines",
        "text/ndjson", "text/x-ndjson", "text/jsonl", "text/x-jsonl", "text/jsonlines",
    ]

    /// Nil for a form with parts (`curl -F`): as data it would be stored with its boundaries, which nobody means.
    ///
    /// - Parameter type: in lower case, without parameters; nil where the request has none.
    init?(type: String?, isRaw: Bool) {
        if isRaw {
            self = .data
        } else if let type, type.hasPrefix("multipart/") {
            return nil
        } else if let type, Self.linesTypes.contains(type) {
            self = .lines
        } else {
            self = type.map(Self.envelopeTypes.contains) ?? true ? .envelope : .data
        }
    }

    /// The options of the query that belong to it.
    var options: [String] {
        switch self {
        case .envelope: ["ordered"]
        case .lines: ["ordered", "results"]
        // The envelope says these in the body.
        case .data: ["partitionKey", "explicitHashKey", "ordered"]
        }
    }
}
