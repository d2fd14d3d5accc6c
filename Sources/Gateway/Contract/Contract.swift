import Bytes
import JSON
import YAML

/// openapi.yaml as this program was built with it.
enum Contract {
    static let yaml = ByteBuffer(PackageResources.openapi_yaml)

    /// The same as JSON, made when somebody asks for the first time.
    static let json: ByteBuffer = {
        var json = JSONWriter(capacity: 1 << 18)
        // The text is our own, and a test reads what comes of it. Twenty levels of it are used.
        let root = try? YAMLReader.read(PackageResources.openapi_yaml, depthLimit: 64, references: .expanded)
        root?.write(&json)
        return json.buffer
    }()
}

extension YAMLNode {
    /// As JSON, plain scalars by YAML 1.2's core schema (10.3.2) but for octal and hexadecimal numbers, infinities and NaN,
    /// which stay text.
    func write(_ json: inout JSONWriter) {
        switch self {
        case .scalar(let text, isPlain: false, _): json.string(text)
        case .scalar(let text, isPlain: true, _):
            switch text {
            case _ where isNull: json.null()
            case "true", "True", "TRUE": json.bool(true)
            case "false", "False", "FALSE": json.bool(false)
            case _ where Self.isNumber(text): json.value(.number(text))
            default: json.string(text)
            }
        case .sequence(let elements, _):
            json.beginArray()
            for element in elements { element.write(&json) }
            json.endArray()
        case .mapping(let members, _):
            json.beginObject()
            for member in members {
                json.key(member.key)
                member.value.write(&json)
            }
            json.endObject()
        }
    }

    /// Whether it is a number of JSON, which is one of YAML too (RFC 8259, 6).
    private static func isNumber(_ text: String) -> Bool {
        var rest = Substring(text).utf8[...]
        func digits() -> Int {
            let count = rest.prefix(while: \.isDigit).count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let startsWithZero = rest.first == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !startsWithZero || whole == 1 else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            guard digits() > 0 else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
