import TestSupport

/// A second opinion on what is JSON: as plain as RFC 8259 reads, one byte at a time, UTF-8 by the standard library.
struct SimpleJSONChecker {
    private var rest: ArraySlice<UInt8>

    static func isValid(_ text: [UInt8]) -> Bool {
        guard String(validating: text, as: UTF8.self) != nil else { return false }
        var checker = SimpleJSONChecker(rest: text[...])
        return checker.value() && checker.rest.isEmpty
    }

    private mutating func value() -> Bool {
        space()
        defer { space() }
        switch rest.first.map({ Character(UnicodeScalar($0)) }) {
        case "{": return list("{", "}") { $0.member() }
        case "[": return list("[", "]") { $0.value() }
        case "\"": return string()
        case "t": return take("true")
        case "f": return take("false")
        case "n": return take("null")
        default: return number()
        }
    }

    private mutating func list(_ open: String, _ close: String, _ element: (inout Self) -> Bool) -> Bool {
        guard take(open) else { return false }
        space()
        if take(close) { return true }
        repeat {
            guard element(&self) else { return false }
            space()
        } while take(",")
        return take(close)
    }

    private mutating func member() -> Bool {
        space()
        guard string() else { return false }
        space()
        return take(":") && value()
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let byte = rest.popFirst() {
            switch byte {
            case 0x22: return true
            case 0..<0x20: return false
            case 0x5c:
                guard let escape = rest.popFirst() else { return false }
                if escape == UInt8(ascii: "u") {
                    let digits = rest.prefix(4)
                    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
                        return false
                    }
                    rest = rest.dropFirst(4)
                } else if !"\"\\/bfnrt".utf8.contains(escape) {
                    return false
                }
            default: continue
            }
        }
        return false
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") {
            guard digits() else { return false }
        }
        if take("."), !digits() { return false }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let count = rest.prefix { (0x30...0x39).contains($0) }.count
        rest = rest.dropFirst(count)
        return count > 0
    }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func space() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
    }
}

/// Documents at random, and damage to them.
enum SampleJSON {
    static func text(_ random: inout SeededGenerator, depth: Int) -> [UInt8] {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
        case 0: return Array("true".utf8)
        case 1: return Array("null".utf8)
        case 2: return Array("\(Int.random(in: -1000...1000, using: &random))".utf8)
        case 3:
            return Array(
                "\(Double.random(in: -1e9...1e9, using: &random))e-\(Int.random(in: 0...9, using: &random))".utf8)
        case 4, 5, 6: return string(&random)
        case 7:
            let elements = (0..<Int.random(in: 0...4, using: &random)).map { _ in text(&random, depth: depth - 1) }
            return Array("[".utf8) + Array(elements.joined(separator: separator(&random))) + Array("]".utf8)
        default:
            let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                string(&random) + Array(": ".utf8) + text(&random, depth: depth - 1)
            }
            return Array("{".utf8) + Array(members.joined(separator: separator(&random))) + Array("}".utf8)
        }
    }

    private static func separator(_ random: inout SeededGenerator) -> [UInt8] {
        Array([",", ", ", " ,\n", "\t,\r\n"].randomElement(using: &random)!.utf8)
    }

    private static func string(_ random: inout SeededGenerator) -> [UInt8] {
        let pieces = [
            "a", "long text", "é", "😀", "\\n", "\\u00e9", "\\\\", "\\\"", "\u{2028}", "/", "\\/", "\u{7f}", "0",
        ]
        let count = Int.random(in: 0...6, using: &random)
        return Array("\"".utf8) + (0..<count).flatMap { _ in Array(pieces.randomElement(using: &random)!.utf8) }
            + Array("\"".utf8)
    }

    static func damage(_ text: inout [UInt8], _ random: inout SeededGenerator) {
        guard !text.isEmpty else { return }
        let place = text.indices.randomElement(using: &random)!
        let bytes = Array("{}[]\",:\\ntf0-.eu \n".utf8) + [0x00, 0x1f, 0x80, 0xc3, 0xff]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: text.remove(at: place)
        case 1: text[place] = bytes.randomElement(using: &random)!
        case 2: text.insert(bytes.randomElement(using: &random)!, at: place)
        default: text.removeSubrange(place...)
        }
    }
}
