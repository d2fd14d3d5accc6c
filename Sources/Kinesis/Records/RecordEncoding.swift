/// As what an event's records are written.
package enum RecordFormat: Equatable, Sendable {
    /// The members of a JSON object without its opening brace.
    case json
    /// The fields of the message `Records` (proto/kinesis_sidecar/v1/sidecar.proto).
    case protobuf
    /// The message `processRecords` of the MultiLangDaemon's protocol, a line without its end.
    case processRecords
}

/// How records become events.
package struct RecordEncoding: Equatable, Sendable {
    package var format: RecordFormat
    /// Of JSON.
    package var shouldParseJSON: ShouldParseJSON
    /// Bytes that an event of several records has at most, its head and end included; one that is longer holds a single
    /// record. The default stays below the 64 KiB at which common readers of lines give up (docs/clients.md).
    package var maxEventBytes: Int
    package var deaggregation: Deaggregation
    package var compression: Compression
    /// Whether the large items that records point to are given out in their place.
    package var resolvesItems: Bool

    package init(
        format: RecordFormat = .json, shouldParseJSON: ShouldParseJSON = .auto, maxEventBytes: Int = 60_000,
        deaggregation: Deaggregation = .auto(keeping: nil), compression: Compression = .none,
        resolvesItems: Bool = false
    ) {
        self.format = format
        self.shouldParseJSON = shouldParseJSON
        self.maxEventBytes = maxEventBytes
        self.deaggregation = deaggregation
        self.compression = compression
        self.resolvesItems = resolvesItems
    }
}

/// lifion's option `compression`: how records' data is compressed. The raw values are the option's texts.
package enum Compression: String, CaseIterable, Sendable {
    case none
    case lzUTF8 = "LZ-UTF8"
}

/// What becomes of aggregated records (`AggregatedRecords`).
package enum Deaggregation: Equatable, Sendable {
    /// They are given out as they are.
    case never
    /// Their user records are given out. Those are left out whose hash key lies outside this range of the shard's, because the
    /// aggregate was made before the stream was resharded; nil: none is.
    case auto(keeping: HashKeyRange?)
}

/// lifion's option `shouldDeaggregate`. The raw values are the option's texts. `auto` and `true` are the same here: what has
/// the magic of an aggregate and is none is given out as it is.
package enum ShouldDeaggregate: String, CaseIterable, Sendable {
    case auto
    case always = "true"
    case never = "false"
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
