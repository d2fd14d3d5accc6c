import Bytes
import JSON

/// A place in a buffer, and the steps from item to item, each of which checks what it passes. Performs no I/O.
///
/// The buffer must stay unchanged while the cursor is in use.
struct CBORCursor {
    let buffer: ByteBuffer
    private let limits: CBORLimits
    private let end: Int
    private(set) var at: Int
    private var items = 0

    init(_ buffer: ByteBuffer, _ range: Range<Int>, _ limits: CBORLimits) {
        self.buffer = buffer
        self.limits = limits
        at = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { at == end }

    /// Takes a break, where one stands here.
    mutating func takeBreak() -> Bool {
        guard at < end, buffer[at] == 0xff else { return false }
        at += 1
        return true
    }

    /// Moves behind an item's head, and counts the item.
    mutating func head() throws(CBORError) -> CBORHead {
        let start = at
        items += 1
        guard items <= limits.items else { throw CBORError(.tooManyItems(limit: limits.items), at: start) }
        guard at < end else { throw CBORError(.unexpectedEnd, at: at) }
        let initial = buffer[at]
        at += 1
        let argument = try argument(initial)
        switch (initial >> 5, argument) {
        case (0, let value?): return .unsigned(value)
        case (1, let value?): return .negative(value)
        case (2, let value): return try string(.bytes, value, start)
        case (3, let value): return try string(.text, value, start)
        case (4, let value): return .array(try count(value, bytesEach: 1, start))
        case (5, let value): return .map(try count(value, bytesEach: 2, start))
        case (6, let value?): return .tag(value)
        case (7, nil): return .end
        case (7, let value?): return try simpleOrFloat(initial & 0x1f, value, start)
        default: throw CBORError(.reserved(initial), at: start)
        }
    }

    /// Nil where the additional information says that there is none.
    private mutating func argument(_ initial: UInt8) throws(CBORError) -> UInt64? {
        let information = initial & 0x1f
        switch information {
        case 0..<24: return UInt64(information)
        case 24...27:
            let width = 1 << Int(information - 24)
            guard end - at >= width else { throw CBORError(.unexpectedEnd, at: end) }
            var value: UInt64 = 0
            for index in at..<(at + width) { value = value << 8 | UInt64(buffer[index]) }
            at += width
            return value
        case 31: return nil
        default: throw CBORError(.reserved(initial), at: at - 1)
        }
    }

    private func string(_ type: CBORStringType, _ length: UInt64?, _ start: Int) throws(CBORError) -> CBORHead {
        guard let length else { return .chunks(type) }
        guard length <= limits.stringBytes else {
            throw CBORError(.stringTooLong(limit: limits.stringBytes), at: start)
        }
        guard length <= end - at else { throw CBORError(.unexpectedEnd, at: end) }
        return .string(type, length: Int(length))
    }

    /// A number of elements or pairs: each takes its bytes, so that no memory is asked for what is not there.
    private func count(_ value: UInt64?, bytesEach: UInt64, _ start: Int) throws(CBORError) -> Int? {
        guard let value else { return nil }
        guard value <= limits.items else { throw CBORError(.tooManyItems(limit: limits.items), at: start) }
        guard value * bytesEach <= end - at else { throw CBORError(.unexpectedEnd, at: end) }
        return Int(value)
    }

    private func simpleOrFloat(_ information: UInt8, _ value: UInt64, _ start: Int) throws(CBORError) -> CBORHead {
        switch information {
        case 25: return .float(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: value))))
        case 26: return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: value))))
        case 27: return .float(Double(bitPattern: value))
        case 24 where value < 32: throw CBORError(.badSimple(UInt8(value)), at: start)
        default: return .simple(UInt8(value))
        }
    }

    // MARK: Strings

    /// Where the content of a string stands whose head has just been passed.
    mutating func content(_ type: CBORStringType, length: Int) throws(CBORError) -> Range<Int> {
        let range = at..<(at + length)
        if type == .text, unsafe !UTF8Text.isValid(UnsafeRawBufferPointer(rebasing: buffer.bytes[range])) {
            throw CBORError(.badUTF8, at: at)
        }
        at += length
        return range
    }

    /// The chunks of a string whose head has just been passed, each of them checked by itself.
    mutating func chunks(
        _ type: CBORStringType, _ take: (Range<Int>) -> Void
    ) throws(CBORError) {
        let start = at - 1
        var total = 0
        while !takeBreak() {
            let place = at
            guard case .string(type, let length) = try head() else { throw CBORError(.badChunk, at: place) }
            total += length
            guard total <= limits.stringBytes else {
                throw CBORError(.stringTooLong(limit: limits.stringBytes), at: start)
            }
            take(try content(type, length: length))
        }
    }

    // MARK: Whole items

    /// Moves behind an item, and checks all of it.
    /// - Parameter level: arrays, maps and tags that are open around it.
    mutating func skip(level: Int) throws(CBORError) {
        let start = at
        switch try head() {
        case .unsigned, .negative, .simple, .float: return
        case .string(let type, let length): _ = try content(type, length: length)
        case .chunks(let type): try chunks(type) { _ in }
        case .tag:
            try enter(level + 1, start)
            try skip(level: level + 1)
        case .array(let count):
            try enter(level + 1, start)
            try each(count) { cursor throws(CBORError) in try cursor.skip(level: level + 1) }
        case .map(let count):
            try enter(level + 1, start)
            try each(count) { cursor throws(CBORError) in
                try cursor.skip(level: level + 1)
                try cursor.skip(level: level + 1)
            }
        case .end: throw CBORError(.unexpectedBreak, at: start)
        }
    }

    /// Does `body` for each of `count` elements, or up to a break.
    mutating func each(
        _ count: Int?, _ body: (inout CBORCursor) throws(CBORError) -> Void
    ) throws(CBORError) {
        if let count {
            for _ in 0..<count { try body(&self) }
        } else {
            while !takeBreak() { try body(&self) }
        }
    }

    func enter(_ level: Int, _ start: Int) throws(CBORError) {
        guard level <= limits.depth else { throw CBORError(.tooDeep(limit: limits.depth), at: start) }
    }
}
