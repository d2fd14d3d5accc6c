/// Goes over the members of a JSON object one by one, values left as text: how a put takes `data` out of its body.
///
/// Every value is checked as it is passed; the text behind the closing bracket too, so that after `next()` has
/// returned nil the whole text was one valid JSON object. Keys that occur twice are both returned.
/// Performs no I/O. The text must stay unchanged while the scanner and its spans are in use.
package struct JSONObjectScanner {
    private var cursor: JSONCursor

    /// Throws when the text does not begin with an object.
    package init(_ text: UnsafeRawBufferPointer, limits: JSONLimits = .payload) throws(JSONError) {
        cursor = JSONCursor(text, limits)
        try cursor.open(UInt8(ascii: "{"))
    }

    /// The same for a value that another scanner returned; offsets count from its text's start.
    package init(_ span: JSONSpan, limits: JSONLimits = .payload) throws(JSONError) {
        cursor = JSONCursor(span.raw, limits, offset: span.offset)
        try cursor.open(UInt8(ascii: "{"))
    }

    /// The next member; nil when the object is complete and nothing stands behind it.
    package mutating func next() throws(JSONError) -> (key: JSONSpan, value: JSONSpan)? {
        guard try cursor.advance(closing: UInt8(ascii: "}")) else { return nil }
        let key = try cursor.key()
        let value = try cursor.value()
        return (key, value)
    }
}

/// Goes over the elements of a JSON array one by one, as `JSONObjectScanner` does over members.
package struct JSONArrayScanner {
    private var cursor: JSONCursor

    /// Throws when the text does not begin with an array.
    package init(_ text: UnsafeRawBufferPointer, limits: JSONLimits = .payload) throws(JSONError) {
        cursor = JSONCursor(text, limits)
        try cursor.open(UInt8(ascii: "["))
    }

    /// The same for a value that another scanner returned; offsets count from its text's start.
    package init(_ span: JSONSpan, limits: JSONLimits = .payload) throws(JSONError) {
        cursor = JSONCursor(span.raw, limits, offset: span.offset)
        try cursor.open(UInt8(ascii: "["))
    }

    /// The next element; nil when the array is complete and nothing stands behind it.
    package mutating func next() throws(JSONError) -> JSONSpan? {
        guard try cursor.advance(closing: UInt8(ascii: "]")) else { return nil }
        return try cursor.value()
    }
}

/// A place in a text, and the steps that both scanners share.
private struct JSONCursor {
    private let text: UnsafeRawBufferPointer
    private let limits: JSONLimits
    private let offset: Int
    private var at = 0
    private var isFirst = true
    private var isDone = false
    private var lineBreaks = JSONLineBreaks()

    init(_ text: UnsafeRawBufferPointer, _ limits: JSONLimits, offset: Int = 0) {
        self.text = text
        self.limits = limits
        self.offset = offset
    }

    mutating func open(_ bracket: UInt8) throws(JSONError) {
        try expect(bracket)
    }

    /// Whether another member or element follows; false once, at the closing bracket, and ever after.
    mutating func advance(closing: UInt8) throws(JSONError) -> Bool {
        if isDone { return false }
        skipSpace()
        guard at < text.count else { throw fail(.unexpectedEnd) }
        if text[at] == closing {
            at += 1
            skipSpace()
            guard at == text.count else { throw JSONError(.trailingBytes, at: at + offset) }
            isDone = true
            return false
        }
        if !isFirst { try expect(UInt8(ascii: ",")) }
        isFirst = false
        return true
    }

    mutating func key() throws(JSONError) -> JSONSpan {
        skipSpace()
        guard at < text.count else { throw fail(.unexpectedEnd) }
        guard text[at] == UInt8(ascii: "\"") else { throw fail(.unexpectedByte) }
        let key = try value()
        try expect(UInt8(ascii: ":"))
        return key
    }

    mutating func value() throws(JSONError) -> JSONSpan {
        skipSpace()
        let start = at
        if let base = text.baseAddress {
            // The object or array around it is one level.
            let fault = JSONText.skipValue(
                base.assumingMemoryBound(to: UInt8.self), &at, text.count, depth: limits.depth - 1,
                lineBreaks: &lineBreaks)
            if fault != .none { throw fail(fault) }
        }
        return JSONSpan(checked: UnsafeRawBufferPointer(rebasing: text[start..<at]), offset: offset + start)
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        skipSpace()
        guard at < text.count else { throw fail(.unexpectedEnd) }
        guard text[at] == byte else { throw fail(.unexpectedByte) }
        at += 1
    }

    private mutating func skipSpace() {
        guard let base = text.baseAddress else { return }
        JSONText.skipSpace(base.assumingMemoryBound(to: UInt8.self), &at, text.count, &lineBreaks)
    }

    private func fail(_ fault: JSONFault) -> JSONError {
        fault.error(at: at + offset, byte: at < text.count ? text[at] : nil, limits: limits)
    }
}
