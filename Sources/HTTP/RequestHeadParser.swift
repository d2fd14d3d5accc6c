import Bytes

/// Reads one request head out of bytes that arrive in pieces of any size (RFC 9112, 2 to 6).
///
/// Performs no I/O. Give it all bytes from the head's first on, each time more of them have come; it goes on where it
/// stopped, so that a head that comes byte by byte costs no more than one that comes at once. Lines are judged one
/// after the other when they are complete, and a byte that no line may have as soon as it is seen: the result is the
/// same wherever the input is cut. After an error it must not be used again.
package struct RequestHeadParser {
    private enum Stage {
        /// Before the request line. One empty line is skipped (RFC 9112, 2.2).
        case start
        /// The request line begins at `lineStart`.
        case requestLine
        /// Field lines up to the empty one.
        case fields
    }

    private let headerBytes: Int
    private let requestLineBytes: Int
    private let headerFields: Int
    private var stage = Stage.start
    private var lineStart = 0
    /// Bytes before this one are text of the current line.
    private var scanned = 0

    package init(limits: HTTPLimits) {
        headerBytes = limits.headerBytes
        requestLineBytes = min(limits.requestLineBytes, limits.headerBytes)
        headerFields = limits.headerFields
    }

    /// Whether a byte of a head has been seen since `reset`.
    package var isUnderWay: Bool { scanned > 0 }

    /// Ready for the next head.
    package mutating func reset() {
        stage = .start
        lineStart = 0
        scanned = 0
    }

    /// Returns the length of the head when it is complete, with `head` filled; nil when bytes are missing.
    package mutating func parse(
        _ input: UnsafeRawBufferPointer, into head: RequestHead
    ) throws(HTTPParseError) -> Int? {
        if scanned == 0 { head.reset() }
        while let end = try nextLine(input) {
            let line = UnsafeRawBufferPointer(rebasing: input[lineStart..<end])
            let start = lineStart
            lineStart = end + 2
            scanned = lineStart
            switch stage {
            case .start where line.isEmpty:
                stage = .requestLine
            case .start, .requestLine:
                try RequestLine.read(line, at: start, into: head)
                stage = .fields
            case .fields where line.isEmpty:
                try FieldLine.conclude(head)
                head.bytes.append(UnsafeRawBufferPointer(rebasing: input[..<lineStart]))
                return lineStart
            case .fields:
                guard head.fields.count < headerFields else { throw .tooManyFields(limit: headerFields) }
                try FieldLine.read(line, at: start, into: head)
            }
        }
        return nil
    }

    /// The end of the line that begins at `lineStart`, where its CR is; nil when CR LF is not there yet.
    private mutating func nextLine(_ input: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int? {
        let stop = ASCII.endOfText(input, from: scanned)
        scanned = stop
        // A line that ends beyond the limit and one that has no end within it are the same to the peer. What is
        // wrong inside the limit was found before.
        let limit = stage == .fields ? headerBytes : requestLineBytes
        if stop + 2 > limit, stop >= limit || input.count >= limit { throw tooLong }
        guard stop < input.count else { return nil }
        guard input[stop] == ASCII.carriageReturn else {
            throw input[stop] == ASCII.lineFeed ? .bareLineFeed : .invalidByte(input[stop])
        }
        guard stop + 1 < input.count else { return nil }
        guard input[stop + 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
        return stop
    }

    private var tooLong: HTTPParseError {
        stage == .fields ? .headerTooLarge(limit: headerBytes) : .requestLineTooLong(limit: requestLineBytes)
    }
}
