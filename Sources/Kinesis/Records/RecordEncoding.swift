/// As what an event's records are written.
package enum RecordFormat: Equatable, Sendable {
    /// The members of a JSON object without its opening brace.
    case json
    /// The fields of the message `Records` (proto/kinesis_sidecar/v1/sidecar.proto).
    case protobuf
}

/// How records become events.
package struct RecordEncoding: Equatable, Sendable {
    package var format: RecordFormat
    /// Of JSON.
    package var shouldParseJSON: ShouldParseJSON
    /// Bytes that an event of several records has at most, its head and end included; one that is longer holds a single
    /// record. The default stays below the 64 KiB at which common readers of lines give up (docs/clients.md).
    package var maxEventBytes: Int

    package init(
        format: RecordFormat = .json, shouldParseJSON: ShouldParseJSON = .auto, maxEventBytes: Int = 60_000
    ) {
        self.format = format
        self.shouldParseJSON = shouldParseJSON
        self.maxEventBytes = maxEventBytes
    }
}

/// lifion's option `shouldParseJson`: whether a payload is embedded as JSON or as a string. The raw values are the
/// option's texts. A payload that is not valid JSON is a string in any case, never dropped.
package enum ShouldParseJSON: String, CaseIterable, Sendable {
    /// JSON when the text begins with `{` or `[` and ends with `}` or `]`; white space around it does not count.
    case auto
    /// Always tried: numbers, strings, `true`, `false` and `null` too.
    case always = "true"
    case never = "false"
}
