/// How records become events.
package struct RecordEncoding: Equatable, Sendable {
    package var shouldParseJSON: ShouldParseJSON

    package init(shouldParseJSON: ShouldParseJSON = .auto) {
        self.shouldParseJSON = shouldParseJSON
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
