/// Why bytes are not a request that is served here. After one of these nothing that follows on the connection can be
/// trusted to be where it seems: it is answered and closed.
package enum HTTPParseError: Error, Equatable, Sendable {
    // Limits.
    case headerTooLarge(limit: Int)
    case tooManyFields(limit: Int)
    case requestLineTooLong(limit: Int)

    // The request line.
    case malformedRequestLine
    case invalidTarget
    case unsupportedVersion
    case unsupportedMethod

    // Lines.
    case bareCarriageReturn
    case bareLineFeed
    case invalidByte(UInt8)

    // Fields.
    case invalidFieldName
    case spaceBeforeColon
    case foldedLine
    case missingHost
    case severalHosts
    case invalidHost
    case unknownExpectation

    // Framing: what request smuggling is made of.
    case invalidContentLength
    case severalContentLengths
    case contentLengthWithTransferEncoding
    case severalTransferEncodings
    case unsupportedTransferCoding
    case chunkedNotLast
    case transferEncodingInHTTP10

    // Chunked bodies.
    case invalidChunkSize
    case chunkSizeOverflow
    case invalidChunkExtension
    case chunkExtensionsTooLarge(limit: Int)
    case missingChunkEnd
    case trailerTooLarge(limit: Int)
    case invalidTrailer
}

extension HTTPParseError {
    /// The status that tells the client.
    package var status: HTTPStatus {
        switch self {
        case .headerTooLarge, .tooManyFields, .trailerTooLarge: .requestHeaderFieldsTooLarge
        case .requestLineTooLong: .uriTooLong
        case .unsupportedVersion: .versionNotSupported
        case .unsupportedMethod, .unsupportedTransferCoding: .notImplemented
        case .unknownExpectation: .expectationFailed
        case .malformedRequestLine, .invalidTarget, .bareCarriageReturn, .bareLineFeed, .invalidByte,
            .invalidFieldName, .spaceBeforeColon, .foldedLine, .missingHost, .severalHosts, .invalidHost,
            .invalidContentLength, .severalContentLengths, .contentLengthWithTransferEncoding,
            .severalTransferEncodings, .chunkedNotLast, .transferEncodingInHTTP10, .invalidChunkSize,
            .chunkSizeOverflow, .invalidChunkExtension, .chunkExtensionsTooLarge, .missingChunkEnd, .invalidTrailer:
            .badRequest
        }
    }

    /// A short fixed name of the problem for programs: what stands in `code` of the problem document.
    package var code: String {
        switch self {
        case .headerTooLarge, .tooManyFields, .trailerTooLarge: "headerTooLarge"
        case .requestLineTooLong: "uriTooLong"
        case .unsupportedVersion: "unsupportedVersion"
        case .unsupportedMethod: "unsupportedMethod"
        case .unsupportedTransferCoding: "unsupportedTransferCoding"
        case .unknownExpectation: "unknownExpectation"
        default: "malformedRequest"
        }
    }

    /// One sentence for people. It repeats no byte of the request but one as a number, so it needs no escaping.
    package var detail: String {
        switch self {
        case .headerTooLarge(let limit): "The request head is longer than \(limit) bytes."
        case .tooManyFields(let limit): "The request head has more than \(limit) fields."
        case .requestLineTooLong(let limit): "The request line is longer than \(limit) bytes."
        case .malformedRequestLine: "The request line is not METHOD SP TARGET SP HTTP/1.1."
        case .invalidTarget: "The request target is not a path, an http URL, or * with OPTIONS."
        case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        case .unsupportedMethod: "This server is no proxy: CONNECT is not implemented."
        case .bareCarriageReturn: "A line has a carriage return that no line feed follows."
        case .bareLineFeed: "A line ends in a line feed without a carriage return."
        case .invalidByte(let byte): "The head has the byte \(byte), which no line may have."
        case .invalidFieldName: "A header line does not begin with a field name and a colon."
        case .spaceBeforeColon: "A header line has a blank between the field name and the colon."
        case .foldedLine: "A header line begins with a blank: folded lines are not accepted."
        case .missingHost: "The request has no Host header."
        case .severalHosts: "The request has more than one Host header."
        case .invalidHost: "The Host header is not host or host:port."
        case .unknownExpectation: "Only Expect: 100-continue is known."
        case .invalidContentLength: "Content-Length is not a decimal number, or too large to be one."
        case .severalContentLengths: "The request has more than one Content-Length."
        case .contentLengthWithTransferEncoding: "The request has both Content-Length and Transfer-Encoding."
        case .severalTransferEncodings: "The request has more than one Transfer-Encoding header."
        case .unsupportedTransferCoding: "The only transfer coding known here is chunked."
        case .chunkedNotLast: "chunked is not the last transfer coding, or is there twice."
        case .transferEncodingInHTTP10: "An HTTP/1.0 request cannot have Transfer-Encoding."
        case .invalidChunkSize: "A chunk does not begin with its size in hexadecimal digits."
        case .chunkSizeOverflow: "A chunk size is too large to be one."
        case .invalidChunkExtension: "A chunk extension is malformed."
        case .chunkExtensionsTooLarge(let limit): "The body has more than \(limit) bytes of chunk extensions."
        case .missingChunkEnd: "A chunk is not followed by CR LF where its size says that it ends."
        case .trailerTooLarge(let limit): "The trailer section is longer than \(limit) bytes."
        case .invalidTrailer: "The trailer section has a malformed line."
        }
    }
}
