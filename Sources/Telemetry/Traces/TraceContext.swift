/// Where in a trace something stands, as one process tells it to the next. Performs no I/O.
///
/// Source: W3C, "Trace Context", Level 1: `traceparent`.
package struct TraceContext: Hashable, Sendable {
    package var trace: TraceID
    package var span: SpanID
    /// Whether whoever began the trace, or came before, records it.
    package var isSampled: Bool

    package init(trace: TraceID, span: SpanID, isSampled: Bool) {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
    }

    /// Reads `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`; a later version may have more behind that. Nil where it is none:
    /// then a trace begins anew.
    package init?(traceparent text: Substring.UTF8View) {
        let bytes = Array(text.prefix(56))
        let isSeparated = bytes.count >= 55 && [2, 35, 52].allSatisfy { bytes[$0] == UInt8(ascii: "-") }
        guard isSeparated, let version = Self.number(bytes[0..<2]), version != 0xFF,
            version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == UInt8(ascii: "-"),
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]), high | low != 0,
            let span = Self.number(bytes[36..<52]), span != 0, let flags = Self.number(bytes[53..<55])
        else { return nil }
        self.init(trace: TraceID(high: high, low: low), span: SpanID(number: span), isSampled: flags & 1 == 1)
    }

    /// Lower case only, as the recommendation has it.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            number = number << 4 | UInt64(value)
        }
        return number
    }
}

/// 16 bytes that are not all zero.
package struct TraceID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func random() -> TraceID {
        TraceID(high: .random(in: 0...UInt64.max), low: .random(in: 1...UInt64.max))
    }

    package var bytes: [UInt8] { high.bigEndianBytes + low.bigEndianBytes }
}

/// 8 bytes that are not all zero.
package struct SpanID: Hashable, Sendable {
    package var number: UInt64

    package init(number: UInt64) {
        self.number = number
    }

    package static func random() -> SpanID { SpanID(number: .random(in: 1...UInt64.max)) }

    package var bytes: [UInt8] { number.bigEndianBytes }
}

extension UInt64 {
    fileprivate var bigEndianBytes: [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> UInt64($0)) }
    }
}
