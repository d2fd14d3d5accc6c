/// A file of Java properties, as `java.util.Properties.load` reads it. Performs no I/O.
///
/// Bytes are UTF-8 where they are that, else ISO-8859-1, which is all that Java takes. Every property is kept, in the order of
/// the file; of several with one key the last counts.
///
/// Source: the API documentation of `java.util.Properties`, `load(Reader)`.
package struct PropertiesFile: Equatable, Sendable {
    package struct Property: Equatable, Sendable {
        /// Where it begins, from 1.
        package let line: Int
        /// Without escapes.
        package let key: String
        /// Without escapes. White space behind it is part of it.
        package let value: String
    }

    package let properties: [Property]

    /// - Throws: the first line that is no property.
    package init(_ bytes: [UInt8]) throws(PropertiesError) {
        var lines = LogicalLines(Self.units(bytes)[...])
        var properties: [Property] = []
        while let line = lines.next() { properties.append(try Self.property(line)) }
        self.properties = properties
    }

    /// UTF-16, in which Java counts and `\u` escapes are written.
    private static func units(_ bytes: [UInt8]) -> [UInt16] {
        guard let text = String(validating: bytes, as: UTF8.self) else { return bytes.map(UInt16.init) }
        let units = Array(text.utf16)
        return units.first == Unit.byteOrderMark ? Array(units.dropFirst()) : units
    }

    // MARK: One property

    private static func property(_ line: LogicalLine) throws(PropertiesError) -> Property {
        let text = line.text
        let end = keyEnd(text)
        var rest = text[end...].drop(while: Unit.isBlank)
        if let first = rest.first, Unit.isSeparator(first) { rest = rest.dropFirst().drop(while: Unit.isBlank) }
        return Property(
            line: line.number, key: try unescaped(text[..<end], line.number), value: try unescaped(rest, line.number))
    }

    /// The first `=`, `:` or blank without a backslash before it.
    private static func keyEnd(_ text: [UInt16]) -> Int {
        var isEscaped = false
        for (index, unit) in text.enumerated() {
            if !isEscaped, Unit.isSeparator(unit) || Unit.isBlank(unit) { return index }
            isEscaped = unit == Unit.backslash && !isEscaped
        }
        return text.count
    }

    /// A backslash before any other character than these says that character.
    private static func unescaped(_ text: ArraySlice<UInt16>, _ line: Int) throws(PropertiesError) -> String {
        var rest = text
        var units: [UInt16] = []
        while let unit = rest.popFirst() {
            guard unit == Unit.backslash else {
                units.append(unit)
                continue
            }
            guard let escaped = rest.popFirst() else { break }
            switch escaped {
            case UInt16(ascii: "t"): units.append(UInt16(ascii: "\t"))
            case UInt16(ascii: "n"): units.append(UInt16(ascii: "\n"))
            case UInt16(ascii: "r"): units.append(UInt16(ascii: "\r"))
            case UInt16(ascii: "f"): units.append(Unit.formFeed)
            case UInt16(ascii: "u"): units.append(try hexadecimal(&rest, line))
            default: units.append(escaped)
            }
        }
        // Half of a surrogate pair, which Java keeps, becomes U+FFFD.
        return String(decoding: units, as: UTF16.self)
    }

    private static func hexadecimal(_ rest: inout ArraySlice<UInt16>, _ line: Int) throws(PropertiesError) -> UInt16 {
        let digits = rest.prefix(4)
        rest = rest.dropFirst(4)
        guard digits.count == 4, digits.allSatisfy(Unit.isHexadecimalDigit),
            let value = UInt16(String(decoding: digits, as: UTF16.self), radix: 16)
        else { throw PropertiesError(line: line, problem: "\\u needs four hexadecimal digits behind it") }
        return value
    }
}

/// Why a text is no file of properties.
package struct PropertiesError: Error, Hashable, Sendable {
    /// From 1.
    package let line: Int
    package let problem: String
}

/// One or several lines that are one property: its number is the first one's.
private struct LogicalLine {
    let number: Int
    /// Without blanks at the beginning; not empty.
    let text: [UInt16]
}

/// Joins lines that end with a backslash, and leaves out comments and empty lines.
private struct LogicalLines {
    private var rest: ArraySlice<UInt16>
    /// Lines that have been read.
    private var count = 0

    init(_ rest: ArraySlice<UInt16>) { self.rest = rest }

    mutating func next() -> LogicalLine? {
        while let first = natural() {
            let number = count
            guard let unit = first.first, unit != UInt16(ascii: "#"), unit != UInt16(ascii: "!") else { continue }
            var text = Array(first)
            while Self.isContinued(text) {
                text.removeLast()
                // Behind a backslash alone nothing has begun: what follows may be a comment.
                guard !text.isEmpty, let more = natural() else { break }
                text += more
            }
            if !text.isEmpty { return LogicalLine(number: number, text: text) }
        }
        return nil
    }

    private static func isContinued(_ text: [UInt16]) -> Bool {
        text.reversed().prefix { $0 == Unit.backslash }.count % 2 == 1
    }

    /// The next line without its end, which is LF, CR or CRLF, and without the blanks at its beginning.
    private mutating func natural() -> ArraySlice<UInt16>? {
        guard !rest.isEmpty else { return nil }
        count += 1
        let line = rest.prefix { $0 != Unit.lineFeed && $0 != Unit.carriageReturn }
        rest = rest.dropFirst(line.count)
        if rest.popFirst() == Unit.carriageReturn, rest.first == Unit.lineFeed { rest.removeFirst() }
        return line.drop(while: Unit.isBlank)
    }
}

/// Characters of the format.
private enum Unit {
    static let backslash = UInt16(ascii: "\\")
    static let lineFeed = UInt16(ascii: "\n")
    static let carriageReturn = UInt16(ascii: "\r")
    static let formFeed: UInt16 = 0x0C
    static let byteOrderMark: UInt16 = 0xFEFF

    static func isBlank(_ unit: UInt16) -> Bool {
        unit == UInt16(ascii: " ") || unit == UInt16(ascii: "\t") || unit == formFeed
    }

    static func isSeparator(_ unit: UInt16) -> Bool { unit == UInt16(ascii: "=") || unit == UInt16(ascii: ":") }

    static func isHexadecimalDigit(_ unit: UInt16) -> Bool {
        UInt8(exactly: unit).map { Unicode.Scalar($0).properties.isASCIIHexDigit } ?? false
    }
}

extension UInt16 {
    fileprivate init(ascii scalar: Unicode.Scalar) { self = UInt16(UInt8(ascii: scalar)) }
}
