/// How records become events.
package struct RecordEncoding: Equatable, Sendable {
    package var shouldParseJSON: ShouldParseJSON
    /// Bytes that an event of several records has at most, its head and end included; one that is longer holds a single
    /// record. The default stays below the 64 KiB at which common readers of lines give up (docs/clients.md).
    package var maxEventBytes: Int

    package init(shouldParseJSON: ShouldParseJSON = .auto, maxEventBytes: Int = 60_000) {
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
