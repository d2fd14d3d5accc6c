import Bytes

/// Reads a chunked body (RFC 9112, 7.1): sizes, data, and the trailer section, whose fields are checked and dropped.
///
/// Performs no I/O and buffers nothing: it looks at each framing byte once and hands data out as ranges of the input.
/// The data that it hands out, joined, and the error are the same wherever the input is cut. After an error or `.end`
/// it must not be used again.
package struct ChunkedBodyParser {
    package enum Event: Equatable, Sendable {
        /// These bytes of the input are body.
        case data(Range<Int>)
        /// The input is used up and the body goes on.
        case needsMore
        /// The last byte of the body was read; what follows in the input is the next request.
        case end
    }

    private enum State: Equatable {
        /// Before the first digit of a size.
        case sizeStart
        /// Behind a digit of a size.
        case size
        /// Blanks behind a size or an extension: only `;` or, behind an extension, more text follows.
        case beforeSemicolon
        /// Inside of extensions, which mean nothing here.
        case extensions
        /// CR of the size line was read.
        case sizeLineFeed
        /// `remaining` bytes of data follow.
        case data
        /// The data of a chunk was read.
        case dataCarriageReturn
        case dataLineFeed
        /// At the start of a line of the trailer section.
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        /// CR of the empty line was read.
        case lastLineFeed
        case ended
    }

    private let extensionLimit: Int
    private let trailerLimit: Int
    private var state = State.sizeStart
    private var digits = 0
    private var remaining = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    package init(limits: HTTPLimits) {
        extensionLimit = limits.chunkExtensionBytes
        trailerLimit = limits.headerBytes
    }

    /// The next event of `input` from `at` on; `at` is moved behind what was read.
    package mutating func next(
        _ input: UnsafeRawBufferPointer, at: inout Int
    ) throws(HTTPParseError) -> Event {
        while state != .ended {
            guard at < input.count else { return .needsMore }
            if state == .data {
                let taken = min(remaining, input.count - at)
                at += taken
                remaining -= taken
                if remaining == 0 { state = .dataCarriageReturn }
                return .data(at - taken..<at)
            }
            let byte = input[at]
            at += 1
            state = try following(byte)
        }
        return .end
    }

    /// The state behind one framing byte.
    private mutating func following(_ byte: UInt8) throws(HTTPParseError) -> State {
        switch state {
        case .sizeStart, .size: return try afterSize(byte)
        case .beforeSemicolon, .extensions: return try afterExtension(byte)
        case .sizeLineFeed:
            guard byte == ASCII.lineFeed else { throw .bareCarriageReturn }
            digits = 0
            return remaining > 0 ? .data : .trailerStart
        case .dataCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .missingChunkEnd }
            return .dataLineFeed
        case .dataLineFeed:
            guard byte == ASCII.lineFeed else { throw .missingChunkEnd }
            return .sizeStart
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            return try afterTrailer(byte)
        case .data, .ended: preconditionFailure("no framing byte is read in \(state)")
        }
    }

    private mutating func afterSize(_ byte: UInt8) throws(HTTPParseError) -> State {
        if let digit = Hex.value(byte) {
            // 15 digits stay below 2^60, so that no sum of sizes overflows; leading zeros count, or a line of them
            // would have no end.
            digits += 1
            guard digits <= 15 else { throw .chunkSizeOverflow }
            remaining = remaining << 4 | Int(digit)
            return .size
        }
        guard state == .size else { throw .invalidChunkSize }
        switch byte {
        case ASCII.carriageReturn: return .sizeLineFeed
        case UInt8(ascii: ";"): return .extensions
        case ASCII.space, ASCII.tab: return try countExtension(.beforeSemicolon)
        default: throw .invalidChunkSize
        }
    }

    private mutating func afterExtension(_ byte: UInt8) throws(HTTPParseError) -> State {
        switch byte {
        case ASCII.carriageReturn where state == .extensions: return .sizeLineFeed
        case UInt8(ascii: ";"): return try countExtension(.extensions)
        case ASCII.space, ASCII.tab: return try countExtension(state)
        default:
            guard state == .extensions, ASCII.isText(byte) else { throw .invalidChunkExtension }
            return try countExtension(.extensions)
        }
    }

    private mutating func countExtension(_ next: State) throws(HTTPParseError) -> State {
        extensionBytes += 1
        guard extensionBytes <= extensionLimit else { throw .chunkExtensionsTooLarge(limit: extensionLimit) }
        return next
    }

    private mutating func afterTrailer(_ byte: UInt8) throws(HTTPParseError) -> State {
        trailerBytes += 1
        guard trailerBytes <= trailerLimit else { throw .trailerTooLarge(limit: trailerLimit) }
        switch state {
        case .trailerStart:
            if byte == ASCII.carriageReturn { return .lastLineFeed }
            guard ASCII.isToken(byte) else { throw .invalidTrailer }
            return .trailerName
        case .trailerName:
            if byte == ASCII.colon { return .trailerValue }
            guard ASCII.isToken(byte) else { throw .invalidTrailer }
            return .trailerName
        case .trailerValue:
            if byte == ASCII.carriageReturn { return .trailerLineFeed }
            guard ASCII.isText(byte) else { throw .invalidTrailer }
            return .trailerValue
        default:
            guard byte == ASCII.lineFeed else { throw .bareCarriageReturn }
            return state == .lastLineFeed ? .ended : .trailerStart
        }
    }
}
