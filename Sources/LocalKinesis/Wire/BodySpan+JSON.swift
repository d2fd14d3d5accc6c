import Bytes
import JSON
import Kinesis

extension JSONObjectScanner: BodyMembers {
    init(body: ByteBuffer) throws(JSONError) {
        try self.init(body.bytes)
    }
}

extension JSONArrayScanner: BodyElements {}

extension JSONSpan: BodySpan {
    static var format: WireFormat { .json }
    static var blobKind: ValueKind { .string }

    var valueKind: ValueKind {
        switch kind {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    func field() throws(JSONError) -> JSONValue { try value() }
    func members() throws(JSONError) -> JSONObjectScanner { try JSONObjectScanner(self) }
    func elements() throws(JSONError) -> JSONArrayScanner { try JSONArrayScanner(self) }

    /// The base64 text without escapes. Some encoders write `/` as `\/`, which is no base64 either: escapes are looked for
    /// only then.
    func blob(_ made: inout [ByteBuffer], scratch: ByteBuffer) -> (data: UnsafeRawBufferPointer, size: Int)? {
        guard let text = rawString else { return nil }
        if let size = Self.decodedSize(text, scratch) { return (text, size) }
        let plain = ByteBuffer(capacity: text.count)
        guard hasEscapes, (try? appendString(to: plain)) == true, let size = Self.decodedSize(plain.bytes, scratch)
        else {
            return nil
        }
        made.append(plain)
        return (plain.bytes, size)
    }

    private static func decodedSize(_ base64: UnsafeRawBufferPointer, _ scratch: ByteBuffer) -> Int? {
        scratch.removeAll()
        return Base64.decode(base64, to: scratch) == nil ? scratch.count : nil
    }

    func key(_ made: inout [ByteBuffer]) -> UnsafeRawBufferPointer { raw }
}
