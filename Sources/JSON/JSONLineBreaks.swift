/// What of a JSON text would end a line where an event is one line. Performs no I/O.
package struct JSONLineBreaks: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A line feed or a carriage return in the white space between tokens: inside strings JSON has none.
    package static let betweenTokens = JSONLineBreaks(rawValue: 1)
    /// U+0085, U+2028 or U+2029, which JSON has inside strings only.
    package static let inStrings = JSONLineBreaks(rawValue: 2)
}
