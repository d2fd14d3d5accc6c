/// What `tail` is asked for. Performs no I/O.
package struct TailOptions: Equatable, Sendable {
    /// How a record is shown.
    package enum Style: CaseIterable, Equatable, Sendable { case json, text, raw }

    /// Where reading begins.
    enum Place: Equatable, Sendable {
        case trimHorizon, latest
        /// As the HTTP interface reads times.
        case moment(String)

        init(_ text: String) {
            switch text {
            case "TRIM_HORIZON": self = .trimHorizon
            case "LATEST": self = .latest
            default: self = .moment(text)
            }
        }
    }

    let stream: String
    /// nil: none is joined.
    let group: String?
    /// nil: nothing is said of it.
    let from: Place?
    let style: Style
    /// Records to show; nil: no end.
    let count: Int?
    let follows: Bool

    /// - Parameter isTerminal: whether a person sees the output.
    init(_ values: CommandValues, isTerminal: Bool) throws(ClientError) {
        try values.refuse("json", with: "text")
        try values.refuse("json", with: "raw")
        try values.refuse("text", with: "raw")
        stream = values.operands[0]
        group = values.text("group")
        from = values.text("from").map(Place.init)
        style =
            values.has("raw")
            ? .raw : values.has("json") ? .json : values.has("text") ? .text : isTerminal ? .text : .json
        count = try values.integer("count", 1...Int.max)
        follows = !values.has("no-follow")
    }
}
