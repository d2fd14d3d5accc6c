import Bytes

/// A fault as a client that speaks CBOR reads it, so that the hint how to switch CBOR off reaches a person: a map of two
/// texts. Performs no I/O. Source: RFC 8949, section 3.
enum CBORFault {
    static let contentType = "application/x-amz-cbor-1.1"

    private static let mapOfTwo: UInt8 = 0xa2

    static func body(_ fault: ServiceFault) -> ByteBuffer {
        let body = ByteBuffer()
        body.append(mapOfTwo)
        for text in ["__type", fault.code, "message", fault.message] { append(text, to: body) }
        return body
    }

    /// A text behind its length in as few bytes as it takes; one of 64 KiB or more, which no fault has, is cut.
    private static func append(_ text: String, to body: ByteBuffer) {
        let bytes = Array(text.utf8.prefix(Int(UInt16.max)))
        switch bytes.count {
        case 0..<24: body.append(0x60 + UInt8(bytes.count))
        case 24..<256:
            body.append(0x78)
            body.append(UInt8(bytes.count))
        default:
            body.append(0x79)
            body.append(UInt8(bytes.count >> 8))
            body.append(UInt8(bytes.count & 0xff))
        }
        body.append(contentsOf: bytes)
    }
}
