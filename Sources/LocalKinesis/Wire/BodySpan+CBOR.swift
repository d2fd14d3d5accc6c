import Bytes
import CBOR
import JSON
import Kinesis

extension CBORMapScanner: BodyMembers {
    init(body: ByteBuffer) throws(CBORError) {
        try self.init(body, limits: CBORLimits())
    }
}

extension CBORArrayScanner: BodyElements {}

extension CBORSpan: BodySpan {
    static var format: WireFormat { .cbor }
    static var blobKind: ValueKind { .bytes }

    var valueKind: ValueKind {
        switch kind {
        case .null: .null
        case .bool: .bool
        case .integer, .float, .simple: .number
        case .text: .string
        case .bytes: .bytes
        case .array: .array
        case .map: .object
        }
    }

    func string() throws(CBORError) -> String? { text() }
    func field() throws(CBORError) -> JSONValue { JSONValue(try value()) }
    func members() throws(CBORError) -> CBORMapScanner { try members(limits: CBORLimits()) }
    func elements() throws(CBORError) -> CBORArrayScanner { try elements(limits: CBORLimits()) }

    func blob(_ made: inout [ByteBuffer], scratch: ByteBuffer) -> (data: UnsafeRawBufferPointer, size: Int)? {
        let bytes = key(&made)
        return (bytes, bytes.count)
    }

    func key(_ made: inout [ByteBuffer]) -> UnsafeRawBufferPointer {
        guard let (buffer, range) = content() else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        // Of chunks a buffer was made; in the body a head stands before every string.
        if range.lowerBound == 0 { made.append(buffer) }
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[range])
    }
}
