import Bytes

/// Parses a whole JSON text into a tree. Strict: RFC 8259, UTF-8, no key twice, nothing behind the value.
///
/// Performs no I/O.
package struct JSONParser {
    private let base: UnsafePointer<UInt8>
    private let end: Int
    private let limits: JSONLimits
    private var at = 0
    private var lineBreaks = JSONLineBreaks()

    private init(_ base: UnsafePointer<UInt8>, _ end: Int, _ limits: JSONLimits) {
        self.base = base
        self.end = end
        self.limits = limits
    }

    package static func parse(
        _ text: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        guard let start = text.baseAddress else { throw JSONError(.unexpectedEnd, at: 0) }
        var parser = JSONParser(start.assumingMemoryBound(to: UInt8.self), text.count, limits)
        let value = try parser.value(level: 0)
        parser.skipSpace()
        guard parser.at == parser.end else { throw JSONError(.trailingBytes, at: parser.at) }
        return value
    }

    package static func parse(
        _ buffer: ByteBuffer, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        try parse(buffer.bytes, limits: limits)
    }

    package static func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        try parse(ByteBuffer(text), limits: limits)
    }

    private mutating func value(level: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        switch base[at] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(level: level + 1)
        case UInt8(ascii: "["): return try array(level: level + 1)
        default: return try scalar()
        }
    }

    private mutating func object(level: Int) throws(JSONError) -> JSONValue {
        guard level <= limits.depth else { throw fail(.tooDeep) }
        at += 1
        var members: [JSONMember] = []
        var keys: Set<String> = []
        while try advance(closing: UInt8(ascii: "}"), isFirst: members.isEmpty) {
            skipSpace()
            let start = at
            guard at < end else { throw fail(.unexpectedEnd) }
            guard base[at] == UInt8(ascii: "\"") else { throw fail(.unexpectedByte) }
            let key = try string()
            guard keys.insert(key).inserted else { throw JSONError(.duplicateKey(key), at: start) }
            try expect(UInt8(ascii: ":"))
            members.append(JSONMember(key: key, value: try value(level: level)))
        }
        return .object(members)
    }

    private mutating func array(level: Int) throws(JSONError) -> JSONValue {
        guard level <= limits.depth else { throw fail(.tooDeep) }
        at += 1
        var elements: [JSONValue] = []
        while try advance(closing: UInt8(ascii: "]"), isFirst: elements.isEmpty) {
            elements.append(try value(level: level))
        }
        return .array(elements)
    }

    /// Whether another member or element follows.
    private mutating func advance(closing: UInt8, isFirst: Bool) throws(JSONError) -> Bool {
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        if base[at] == closing {
            at += 1
            return false
        }
        if !isFirst { try expect(UInt8(ascii: ",")) }
        return true
    }

    private mutating func string() throws(JSONError) -> String {
        let start = at + 1
        at = start
        let fault = JSONText.skipString(base, &at, end, &lineBreaks)
        guard fault == .none else { throw fail(fault) }
        let raw = UnsafeRawBufferPointer(start: base + start, count: at - 1 - start)
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        let buffer = ByteBuffer(capacity: raw.count)
        if let place = JSONText.appendUnescaped(raw, to: buffer) {
            throw JSONError(.loneSurrogate, at: start + place)
        }
        return buffer.text
    }

    private mutating func scalar() throws(JSONError) -> JSONValue {
        let start = at
        let fault = JSONText.skipScalar(base, &at, end)
        guard fault == .none else { throw fail(fault) }
        switch base[start] {
        case UInt8(ascii: "t"): return .bool(true)
        case UInt8(ascii: "f"): return .bool(false)
        case UInt8(ascii: "n"): return .null
        default:
            return .number(String(decoding: UnsafeBufferPointer(start: base + start, count: at - start), as: UTF8.self))
        }
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        skipSpace()
        guard at < end else { throw fail(.unexpectedEnd) }
        guard base[at] == byte else { throw fail(.unexpectedByte) }
        at += 1
    }

    private mutating func skipSpace() {
        JSONText.skipSpace(base, &at, end, &lineBreaks)
    }

    private func fail(_ fault: JSONFault) -> JSONError {
        fault.error(at: at, byte: at < end ? base[at] : nil, limits: limits)
    }
}
