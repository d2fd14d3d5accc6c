import Bytes
import CBOR
import JSON
import Kinesis
import Time

/// The fields of a request's body, checked one by one as the service checks them. Performs no I/O.
///
/// A tree in JSON's kinds, whatever the body's format: a time is its seconds, a blob its base64.
struct RequestFields {
    /// The body's format, and so the answer's.
    let format: WireFormat
    private let json: JSONValue

    init(_ json: JSONValue, _ format: WireFormat = .json) throws(ServiceFault) {
        guard json.object != nil else { throw .serialization("Start of structure or map found where not expected.") }
        self.json = json
        self.format = format
    }

    init(body: ByteBuffer, _ format: WireFormat) throws(ServiceFault) {
        // Some clients send no body where an operation has no fields.
        guard !body.isEmpty else {
            self.init(format)
            return
        }
        let json: JSONValue
        do {
            switch format {
            case .json: json = try JSONParser.parse(body.bytes)
            case .cbor: json = JSONValue(try CBORValue(body))
            }
        } catch {
            throw .serialization("\(error)")
        }
        try self.init(json, format)
    }

    /// Of a request without fields, or whose fields are read elsewhere.
    init(_ format: WireFormat) {
        json = .object([])
        self.format = format
    }

    /// Writes the answer to this request.
    func answer(capacity: Int = 256) -> AnswerWriter {
        AnswerWriter(format, capacity: capacity)
    }

    func has(_ name: String) -> Bool {
        json[name].map { !$0.isNull } ?? false
    }

    func optionalString(_ name: String) throws(ServiceFault) -> String? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Self.wrongType(name, "a string") }
        return text
    }

    func string(_ name: String) throws(ServiceFault) -> String {
        guard let text = try optionalString(name) else { throw Self.missing(name) }
        return text
    }

    func optionalBool(_ name: String) throws(ServiceFault) -> Bool? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let flag = value.bool else { throw Self.wrongType(name, "a Boolean") }
        return flag
    }

    func optionalInt(_ name: String, _ range: ClosedRange<Int>) throws(ServiceFault) -> Int? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.int else { throw Self.wrongType(name, "an integer") }
        if number < range.lowerBound {
            throw Self.constraint(
                name, "\(number)", "Member must have value greater than or equal to \(range.lowerBound)")
        }
        if number > range.upperBound {
            throw Self.constraint(name, "\(number)", "Member must have value less than or equal to \(range.upperBound)")
        }
        return number
    }

    func int(_ name: String, _ range: ClosedRange<Int>) throws(ServiceFault) -> Int {
        guard let number = try optionalInt(name, range) else { throw Self.missing(name) }
        return number
    }

    /// What no one means as seconds since the epoch: the year 5138. In milliseconds it is 1973.
    private static let leastMilliseconds = 1e11

    /// Seconds since the epoch, as JSON 1.1 writes times; CBOR's milliseconds have become seconds.
    func optionalTime(_ name: String) throws(ServiceFault) -> WallTime? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let seconds = value.double else { throw Self.wrongType(name, "a timestamp") }
        guard abs(seconds) < Self.leastMilliseconds else {
            throw .invalidArgument(
                "\(name) is in seconds since 1970, with a fraction for less than a second; \(value.number ?? "it") looks "
                    + "like milliseconds.")
        }
        return WallTime(seconds: seconds)
    }

    func optionalFields(_ name: String) throws(ServiceFault) -> RequestFields? {
        guard let value = json[name], !value.isNull else { return nil }
        return try RequestFields(value, format)
    }

    func strings(_ name: String) throws(ServiceFault) -> [String] {
        guard let list = json[name]?.array else { throw Self.missing(name) }
        return try list.map { item throws(ServiceFault) in
            guard let text = item.string else { throw Self.wrongType(name, "a list of strings") }
            return text
        }
    }

    func optionalMap(_ name: String) throws(ServiceFault) -> [String: String]? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let members = value.object else { throw Self.wrongType(name, "a map of strings") }
        var map: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { throw Self.wrongType(name, "a map of strings") }
            map[member.key] = text
        }
        return map
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type
    ) throws(ServiceFault) -> Choice where Choice.RawValue == String {
        let text = try string(name)
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.constraint(name, text, "Member must satisfy enum value set: [\(all)]")
        }
        return choice
    }

    func hashKey(_ name: String) throws(ServiceFault) -> HashKey {
        let text = try string(name)
        guard let key = HashKey(text) else { throw Self.badHashKey(name, text) }
        return key
    }

    // MARK: The service's words

    /// A number of 39 digits can have the right form and still be 2^128 or more.
    static func badHashKey(_ name: String, _ text: String) -> ServiceFault {
        let digits = text.utf8
        if digits.count == 39, digits.allSatisfy(\.isDigit), digits.first != 48 {
            let field = name.split(separator: ".").last.map(String.init) ?? name
            return .invalidArgument(
                "Invalid \(field). \(field) must be in the range: [0, 2^128-1]. Specified value was \(text)")
        }
        return constraint(name, text, "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})")
    }

    static func missing(_ name: String) -> ServiceFault {
        constraint(name, "null", "Member must not be null")
    }

    static func tooShort(_ name: String, _ value: String) -> ServiceFault {
        constraint(name, value, "Member must have length greater than or equal to 1")
    }

    static func constraint(_ name: String, _ value: String, _ constraint: String) -> ServiceFault {
        let member = name.prefix(1).lowercased() + name.dropFirst()
        return .validation(
            "1 validation error detected: Value '\(value)' at '\(member)' failed to satisfy constraint: \(constraint)")
    }

    /// A member of a record has a value of another kind than it must have.
    static func notConverted(_ name: String, _ kind: ValueKind, to type: String) -> ServiceFault {
        switch kind {
        case .array: .serialization("\(name): Start of list found where not expected")
        case .object: .serialization("\(name): Start of structure or map found where not expected.")
        case .number: .serialization("\(name): NUMBER_VALUE cannot be converted to \(type)")
        case .bool: .serialization("\(name): a Boolean cannot be converted to \(type)")
        case .bytes: .serialization("\(name): a byte string cannot be converted to \(type)")
        case .string where type == "Blob": .serialization("\(name): a text cannot be converted to \(type)")
        case .null, .string: missing(name)
        }
    }

    private static func wrongType(_ name: String, _ expected: String) -> ServiceFault {
        .serialization("\(name) must be \(expected)")
    }
}
