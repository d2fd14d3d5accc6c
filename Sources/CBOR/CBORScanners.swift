import Bytes

/// Goes over the members of a CBOR map one by one: how a put takes its records out of its body without a tree.
///
/// Every item is checked as it is passed; what stands behind the map too, so that after `next()` has returned nil the
/// whole input was one well-formed map. Keys that occur twice are both returned. Performs no I/O.
package struct CBORMapScanner {
    private var steps: CBORSteps

    /// Throws when the input does not begin with a map.
    package init(_ buffer: ByteBuffer, limits: CBORLimits = CBORLimits()) throws(CBORError) {
        try self.init(buffer, 0..<buffer.count, limits)
    }

    init(_ buffer: ByteBuffer, _ range: Range<Int>, _ limits: CBORLimits) throws(CBORError) {
        steps = try CBORSteps(.map, buffer, range, limits)
    }

    /// The next member; nil when the map is complete and nothing stands behind it.
    package mutating func next() throws(CBORError) -> (key: CBORSpan, value: CBORSpan)? {
        guard try steps.advance() else { return nil }
        let key = try steps.item()
        let value = try steps.item()
        return (key, value)
    }
}

/// Goes over the elements of a CBOR array one by one, as `CBORMapScanner` does over members.
package struct CBORArrayScanner {
    private var steps: CBORSteps

    /// Throws when the input does not begin with an array.
    package init(_ buffer: ByteBuffer, limits: CBORLimits = CBORLimits()) throws(CBORError) {
        try self.init(buffer, 0..<buffer.count, limits)
    }

    init(_ buffer: ByteBuffer, _ range: Range<Int>, _ limits: CBORLimits) throws(CBORError) {
        steps = try CBORSteps(.array, buffer, range, limits)
    }

    /// The next element; nil when the array is complete and nothing stands behind it.
    package mutating func next() throws(CBORError) -> CBORSpan? {
        guard try steps.advance() else { return nil }
        return try steps.item()
    }
}

/// The steps that both scanners share.
private struct CBORSteps {
    private enum Rest {
        case elements(Int)
        case untilBreak
        case done
    }

    private var cursor: CBORCursor
    private var rest: Rest
    /// Of the elements: what is open around them.
    private let level: Int

    init(_ kind: CBORKind, _ buffer: ByteBuffer, _ range: Range<Int>, _ limits: CBORLimits) throws(CBORError) {
        cursor = CBORCursor(buffer, range, limits)
        var start = cursor.at
        var head = try cursor.head()
        var level = 1
        try cursor.enter(level, start)
        while case .tag = head {
            start = cursor.at
            head = try cursor.head()
            level += 1
            try cursor.enter(level, start)
        }
        self.level = level
        switch head {
        case .map(let count) where kind == .map, .array(let count) where kind == .array:
            rest = count.map(Rest.elements) ?? .untilBreak
        default: throw CBORError(.notA(kind), at: start)
        }
    }

    /// Whether another element follows; false at the end and ever after.
    mutating func advance() throws(CBORError) -> Bool {
        switch rest {
        case .done: return false
        case .elements(let left) where left > 0:
            rest = .elements(left - 1)
            return true
        case .untilBreak where !cursor.takeBreak(): return true
        case .elements, .untilBreak:
            guard cursor.isAtEnd else { throw CBORError(.trailingBytes, at: cursor.at) }
            rest = .done
            return false
        }
    }

    mutating func item() throws(CBORError) -> CBORSpan {
        let start = cursor.at
        try cursor.skip(level: level)
        return CBORSpan(checked: start..<cursor.at, of: cursor.buffer)
    }
}
