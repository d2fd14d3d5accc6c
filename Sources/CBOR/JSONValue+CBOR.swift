import Bytes
import JSON
import Time

extension JSONValue {
    /// The value as a request in JSON has it: of a byte string its base64, of a time its seconds.
    ///
    /// Tag 1 of a whole number counts milliseconds, as AWS's clients write it, and of one with a fraction seconds, as RFC
    /// 8949 has it. Other tags say nothing here. What no member of a request can be is null, and a key that is no text is
    /// left out with its value.
    package init(_ cbor: CBORValue) {
        switch cbor {
        case .unsigned(let value): self = .number(String(value))
        case .negative(let value): self = .number(String(-1 - Int128(value)))
        case .float(let value): self = value.isFinite ? .number(value.description) : .null
        case .text(let text): self = .string(text)
        case .bytes(let bytes): self = .string(Base64.encode(bytes))
        case .bool(let value): self = .bool(value)
        case .null, .undefined, .simple: self = .null
        case .tag(1, let value): self = Self.time(value)
        case .tag(_, let value): self.init(value)
        case .array(let elements): self = .array(elements.map { JSONValue($0) })
        case .map(let members):
            self = .object(
                members.compactMap { member in
                    guard case .text(let key) = member.key else { return nil }
                    return JSONMember(key: key, value: JSONValue(member.value))
                })
        }
    }

    private static func time(_ value: CBORValue) -> JSONValue {
        guard let milliseconds = JSONValue(value).number.flatMap(Int64.init) else { return JSONValue(value) }
        return .number(WallTime(milliseconds: milliseconds).epochSeconds)
    }
}
