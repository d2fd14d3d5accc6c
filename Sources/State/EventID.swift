import Bytes

/// Names one connection that follows records, also after a restart of the sidecar: eight hexadecimal digits.
package struct ReaderID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let digits = 8
    package let text: String

    /// nil when the text is not what `random` makes.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.digits, text.utf8.allSatisfy(\.isLowercaseHexDigit) else { return nil }
        self.text = String(text)
    }

    init(unchecked text: String) {
        self.text = text
    }

    /// A new one. A client may bring an id back after a restart, so they are not counted: of 32 bits, two readers that
    /// the log holds at the same time are equal once in some hundred thousand restarts.
    package static func random() -> ReaderID {
        ReaderID(unchecked: Hex.encode(UInt32.random(in: 0...UInt32.max)))
    }

    package var description: String { text }

    package static func < (left: ReaderID, right: ReaderID) -> Bool { left.text < right.text }
}

/// One event with records, as its `id` says it: `<reader>-<n>`, where n counts the reader's events from 1.
package struct EventID: Hashable, Sendable, CustomStringConvertible {
    package let reader: ReaderID
    package let number: Int

    package init(reader: ReaderID, number: Int) {
        self.reader = reader
        self.number = number
    }

    /// nil when the text is no id that this program writes.
    package init?(_ text: String) {
        guard let dash = text.firstIndex(of: "-"), let reader = ReaderID(text[..<dash]) else { return nil }
        let digits = text[text.index(after: dash)...]
        // Fifteen digits are more events than a connection lives for, and far from overflow.
        guard (1...15).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit), digits.first != "0",
            let number = Int(digits)
        else { return nil }
        self.init(reader: reader, number: number)
    }

    package var description: String { "\(reader)-\(number)" }
}

extension UInt8 {
    fileprivate var isLowercaseHexDigit: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
    }
}
