import Bytes
import CBOR
import JSON

/// Steps over an input of CBOR that say where its items lie, nothing copied and no string looked into: what the scanner of
/// records goes by. `CBOR`'s own scanners check all that they pass. Performs no I/O. Source: RFC 8949, section 3.
///
/// The input must not be written to any more.
struct CBORSteps {
    /// Arrays, maps and tags that may be open inside an item that is passed over.
    private static let depth = 64
    private static let null: UInt8 = 0xf6
    private static let stop: UInt8 = 0xff

    /// Kept alive here, because `base` points into it.
    let input: ByteBuffer
    private let base: UnsafePointer<UInt8>
    private let limit: Int
    /// Bytes that were passed.
    private(set) var at = 0

    enum Major: UInt8 {
        case unsigned, negative, bytes, text, array, map, tag, simple
    }

    /// The beginning of an item. `argument` is -1 where the head says that there is none: an indefinite length, or a break.
    struct Head {
        let initial: UInt8
        let argument: Int
        var major: Major { Self.major(initial) }

        /// A number that is not negative, rounded where it has a fraction; nil for everything else.
        var number: Int64? {
            switch (major, initial & 0x1f) {
            case (.unsigned, _): Int64(argument)
            case (.simple, 25): Self.rounded(Double(Float16(bitPattern: UInt16(argument))))
            case (.simple, 26): Self.rounded(Double(Float(bitPattern: UInt32(argument))))
            case (.simple, 27): Self.rounded(Double(bitPattern: UInt64(argument)))
            default: nil
            }
        }

        private static func rounded(_ value: Double) -> Int64? {
            value >= 0 && value < 1e18 ? Int64(value.rounded()) : nil
        }

        @inline(__always)
        static func major(_ initial: UInt8) -> Major { Major(rawValue: initial &>> 5).unsafelyUnwrapped }
    }

    /// What is left of a map or an array.
    enum Left {
        case elements(Int)
        case untilBreak
    }

    init(_ input: ByteBuffer) {
        self.input = input
        base = UnsafePointer(input.base)
        limit = input.count
    }

    /// Whether such an item begins here.
    @inline(__always)
    func isAt(_ major: Major) -> Bool { at < limit && Head.major(base[at]) == major }

    /// Throws where something follows.
    func end() throws(GetRecordsError) {
        guard at == limit else { throw fail(.trailingBytes) }
    }

    /// Whether another element follows, without passing anything.
    func hasMore(_ left: Left) throws(GetRecordsError) -> Bool {
        switch left {
        case .elements(let count): return count > 0
        case .untilBreak:
            guard at < limit else { throw fail(.unexpectedEnd) }
            return base[at] != Self.stop
        }
    }

    /// Begins a map or an array.
    mutating func begin(_ major: Major) throws(GetRecordsError) -> Left {
        let start = at
        let head = try head()
        guard head.major == major else { throw fail(.notA(major == .map ? .map : .array), at: start) }
        return head.argument < 0 ? .untilBreak : .elements(head.argument)
    }

    /// Whether another element follows; a break is passed.
    @inline(__always)
    mutating func take(_ left: inout Left) throws(GetRecordsError) -> Bool {
        switch left {
        case .elements(let count):
            left = .elements(max(count &- 1, 0))
            return count > 0
        case .untilBreak:
            guard at < limit else { throw fail(.unexpectedEnd) }
            guard base[at] == Self.stop else { return true }
            at &+= 1
            left = .elements(0)
            return false
        }
    }

    @inline(__always)
    mutating func head() throws(GetRecordsError) -> Head {
        guard at < limit else { throw fail(.unexpectedEnd) }
        let initial = base[at]
        let information = initial & 0x1f
        if information < 24 {
            at &+= 1
            return Head(initial: initial, argument: Int(information))
        }
        return try longHead(initial)
    }

    private mutating func longHead(_ initial: UInt8) throws(GetRecordsError) -> Head {
        let information = initial & 0x1f
        switch information {
        case 24...27:
            let width = 1 &<< Int(information &- 24)
            guard limit &- at > width else { throw fail(.unexpectedEnd, at: limit) }
            var value: UInt64 = 0
            for index in 1...width { value = value &<< 8 | UInt64(base[at &+ index]) }
            at &+= 1 &+ width
            return Head(initial: initial, argument: Int(clamping: value))
        case 31 where ![.unsigned, .negative, .tag].contains(Head.major(initial)):
            at &+= 1
            return Head(initial: initial, argument: -1)
        default: throw fail(.reserved(initial))
        }
    }

    /// Where the content of a text lies that has a definite length; nil for another item, behind which the cursor stands then.
    @inline(__always)
    mutating func text() throws(GetRecordsError) -> Range<Int>? {
        guard isAt(.text), base[at] != 0x7f else {
            try skip()
            return nil
        }
        let length = try head().argument
        let start = at
        try advance(length)
        return start..<at
    }

    @inline(__always)
    mutating func advance(_ count: Int) throws(GetRecordsError) {
        guard count <= limit &- at else { throw fail(.unexpectedEnd, at: limit) }
        at &+= count
    }

    mutating func takeNull() -> Bool {
        guard at < limit, base[at] == Self.null else { return false }
        at &+= 1
        return true
    }

    /// Passes over an item, without looking into its strings.
    /// - Parameter depth: arrays, maps and tags that may still open.
    mutating func skip(_ depth: Int = Self.depth) throws(GetRecordsError) {
        let start = at
        let head = try self.head()
        switch head.major {
        case .bytes, .text:
            if head.argument >= 0 { try advance(head.argument) } else { try skipChunks(head.major) }
        case .array, .map, .tag:
            guard depth > 0 else { throw fail(.tooDeep(limit: Self.depth), at: start) }
            var left = head.argument < 0 ? Left.untilBreak : .elements(head.major == .tag ? 1 : head.argument)
            while try take(&left) {
                try skip(depth &- 1)
                if head.major == .map { try skip(depth &- 1) }
            }
        default:
            if head.initial == Self.stop { throw fail(.unexpectedBreak, at: start) }
        }
    }

    private mutating func skipChunks(_ major: Major) throws(GetRecordsError) {
        var left = Left.untilBreak
        while try take(&left) {
            let start = at
            let chunk = try self.head()
            guard chunk.major == major, chunk.argument >= 0 else { throw fail(.badChunk, at: start) }
            try advance(chunk.argument)
        }
    }

    /// Whether this text lies there.
    @inline(__always)
    func matches(_ place: Range<Int>?, _ text: StaticString) -> Bool {
        guard let place, place.count == text.utf8CodeUnitCount else { return false }
        let start = base + place.lowerBound
        var index = 0
        while index < place.count {
            if start[index] != text.utf8Start[index] { return false }
            index &+= 1
        }
        return true
    }

    private func fail(_ reason: CBORError.Reason, at place: Int? = nil) -> GetRecordsError {
        GetRecordsError(.cbor(reason), at: place ?? at)
    }

    // MARK: What lies there

    func isUTF8(_ place: Range<Int>) -> Bool { UTF8Text.isValid(base, place.lowerBound, place.upperBound) }

    func string(_ place: Range<Int>) -> String { String(decoding: input.bytes[place], as: UTF8.self) }

    /// Whether decimal digits lie there, the first of several no zero.
    func isNumber(_ place: Range<Int>) -> Bool {
        var index = place.lowerBound
        if place.isEmpty || (place.count > 1 && base[index] == UInt8(ascii: "0")) { return false }
        while index < place.upperBound, base[index] &- UInt8(ascii: "0") < 10 { index &+= 1 }
        return index == place.upperBound
    }
}
