import Bytes

/// A checked CBOR item as a piece of the buffer it stands in, nothing copied. Valid while that buffer is not changed.
package struct CBORSpan {
    /// Of the item without its tags.
    package let kind: CBORKind
    private let buffer: ByteBuffer
    /// The whole item, tags included.
    private let range: Range<Int>
    /// Where the item begins behind its tags.
    private let untagged: Int

    /// An item that `CBORCursor.skip` has passed.
    init(checked range: Range<Int>, of buffer: ByteBuffer) {
        var cursor = CBORCursor(buffer, range, .passed)
        var start = cursor.at
        var head = try? cursor.head()
        while case .tag = head {
            start = cursor.at
            head = try? cursor.head()
        }
        guard let kind = head?.kind else { preconditionFailure("an item that was not checked") }
        self.kind = kind
        self.buffer = buffer
        self.range = range
        untagged = start
    }

    /// Bytes of the input before it, for messages.
    package var offset: Int { range.lowerBound }

    /// Whether this is a text of exactly these characters.
    package func isString(_ text: StaticString) -> Bool {
        guard kind == .text, let (buffer, range) = content(), range.count == text.utf8CodeUnitCount else {
            return false
        }
        return range.enumerated().allSatisfy { unsafe buffer[$1] == text.utf8Start[$0] }
    }

    /// A text's value; nil for other kinds.
    package func text() -> String? {
        guard kind == .text, let (buffer, range) = content() else { return nil }
        return unsafe String(decoding: buffer.bytes[range], as: UTF8.self)
    }

    /// Where the bytes of a text or of a byte string stand: in the input, or in a buffer of their own where they came in
    /// chunks; nil for other kinds.
    package func content() -> (buffer: ByteBuffer, range: Range<Int>)? {
        var cursor = CBORCursor(buffer, untagged..<range.upperBound, .passed)
        switch try? cursor.head() {
        case .string(_, let length): return (buffer, cursor.at..<(cursor.at + length))
        case .chunks(let type):
            let joined = ByteBuffer(capacity: range.upperBound - untagged)
            try? cursor.chunks(type) { [buffer] in
                unsafe joined.append(UnsafeRawBufferPointer(rebasing: buffer.bytes[$0]))
            }
            return (joined, 0..<joined.count)
        default: return nil
        }
    }

    /// The item as a tree.
    package func value(limits: CBORLimits = CBORLimits()) throws(CBORError) -> CBORValue {
        try CBORValue(buffer, range, limits: limits)
    }

    /// Goes over the members of a map; throws for other kinds.
    package func members(limits: CBORLimits = CBORLimits()) throws(CBORError) -> CBORMapScanner {
        try CBORMapScanner(buffer, untagged..<range.upperBound, limits)
    }

    /// Goes over the elements of an array; throws for other kinds.
    package func elements(limits: CBORLimits = CBORLimits()) throws(CBORError) -> CBORArrayScanner {
        try CBORArrayScanner(buffer, untagged..<range.upperBound, limits)
    }
}

extension CBORLimits {
    /// For what has been checked already.
    fileprivate static let passed = CBORLimits(depth: .max, stringBytes: .max, items: .max)
}
