import Bytes

/// A record's place in its shard: a decimal number of 1…129 digits without leading zeros, in practice 56.
///
/// Too long for any integer, and no Double may touch it: it stays text and compares by length, then text.
/// Source: the service's API model, SequenceNumber (`0|([1-9]\d{0,128})`).
package struct SequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let maximumDigits = 129
    package let text: String

    /// nil when the text is no such number.
    package init?(_ text: String) {
        var text = text
        guard text.withUTF8({ Self.isValid($0) }) else { return nil }
        self.text = text
    }

    /// From a number that this process counts itself, as LocalKinesis does.
    package init(_ number: UInt128) {
        text = String(number)
    }

    /// From bytes that are known to be digits; see `isValid`.
    init(digits: UnsafeRawBufferPointer) {
        text = String(decoding: digits, as: UTF8.self)
    }

    package var description: String { text }

    package static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
        let (leftCount, rightCount) = (left.text.utf8.count, right.text.utf8.count)
        return leftCount == rightCount ? left.text < right.text : leftCount < rightCount
    }

    /// Below, equal to or above 0, as the number with these digits is less than, equal to or greater than this one.
    /// Allocates nothing.
    func order(of digits: UnsafeRawBufferPointer) -> Int {
        if digits.count != text.utf8.count { return digits.count - text.utf8.count }
        for (digit, own) in zip(digits, text.utf8) where digit != own { return Int(digit) - Int(own) }
        return 0
    }

    static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        guard (1...maximumDigits).contains(bytes.count) else { return false }
        if bytes.count > 1, bytes.first == UInt8(ascii: "0") { return false }
        return bytes.allSatisfy(\.isDigit)
    }
}
