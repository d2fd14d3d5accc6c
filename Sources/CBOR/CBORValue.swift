import Bytes

/// A CBOR item as a tree: for requests and tests. Records never become one.
package indirect enum CBORValue: Hashable, Sendable {
    case unsigned(UInt64)
    /// -1 minus the number, which reaches to -2^64.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBORValue])
    /// In the order of the input; the parser refuses a key that occurs twice.
    case map([CBORMember])
    case tag(UInt64, CBORValue)
    case bool(Bool)
    case null
    case undefined
    /// One that RFC 8949 gives no meaning to.
    case simple(UInt8)
    case float(Double)
}

/// One key and its value of a CBOR map.
package struct CBORMember: Hashable, Sendable {
    package var key: CBORValue
    package var value: CBORValue

    package init(_ key: CBORValue, _ value: CBORValue) {
        self.key = key
        self.value = value
    }
}

extension CBORValue {
    /// Reads an input that is one item, and nothing behind it. Performs no I/O.
    package init(_ buffer: ByteBuffer, limits: CBORLimits = CBORLimits()) throws(CBORError) {
        try self.init(buffer, 0..<buffer.count, limits: limits)
    }

    /// The same of a piece of a buffer.
    package init(_ buffer: ByteBuffer, _ range: Range<Int>, limits: CBORLimits = CBORLimits()) throws(CBORError) {
        var cursor = CBORCursor(buffer, range, limits)
        self = try cursor.value(level: 0)
        guard cursor.isAtEnd else { throw CBORError(.trailingBytes, at: cursor.at) }
    }
}

extension CBORCursor {
    fileprivate mutating func value(level: Int) throws(CBORError) -> CBORValue {
        let start = at
        switch try head() {
        case .unsigned(let value): return .unsigned(value)
        case .negative(let value): return .negative(value)
        case .float(let value): return .float(value)
        case .string(let type, let length): return string(type, [try content(type, length: length)])
        case .chunks(let type):
            var ranges: [Range<Int>] = []
            try chunks(type) { ranges.append($0) }
            return string(type, ranges)
        case .array(let count):
            try enter(level + 1, start)
            var elements: [CBORValue] = []
            try each(count) { cursor throws(CBORError) in elements.append(try cursor.value(level: level + 1)) }
            return .array(elements)
        case .map(let count):
            try enter(level + 1, start)
            return try map(count, level: level + 1)
        case .tag(let number):
            try enter(level + 1, start)
            return .tag(number, try value(level: level + 1))
        case .simple(20): return .bool(false)
        case .simple(21): return .bool(true)
        case .simple(22): return .null
        case .simple(23): return .undefined
        case .simple(let value): return .simple(value)
        case .end: throw CBORError(.unexpectedBreak, at: start)
        }
    }

    private mutating func map(_ count: Int?, level: Int) throws(CBORError) -> CBORValue {
        var members: [CBORMember] = []
        var keys: Set<CBORValue> = []
        try each(count) { cursor throws(CBORError) in
            let start = cursor.at
            let key = try cursor.value(level: level)
            guard keys.insert(key).inserted else { throw CBORError(.duplicateKey, at: start) }
            members.append(CBORMember(key, try cursor.value(level: level)))
        }
        return .map(members)
    }

    private func string(_ type: CBORStringType, _ chunks: [Range<Int>]) -> CBORValue {
        let bytes = chunks.reduce(into: [UInt8]()) { unsafe $0 += buffer.bytes[$1] }
        return type == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .bytes(bytes)
    }
}
