/// Text for a terminal: what came over the network must not steer it. Performs no I/O.
package enum PrintableText {
    /// Control characters as escapes: `\n`, `\t`, `\u{1b}`. The rest as it is.
    package static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let scalar where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// C0, DEL and C1 (ECMA-48), and what changes the direction of what follows (UAX #9).
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x200e...0x200f, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    /// `250 ms`, `3.2 s`, `12 min`, `5 h`, `4 d`.
    package static func time(milliseconds: Int) -> String {
        switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<60_000: "\(tenths(milliseconds, 1000)) s"
        case ..<7_200_000: "\(milliseconds / 60_000) min"
        case ..<172_800_000: "\(milliseconds / 3_600_000) h"
        default: "\(milliseconds / 86_400_000) d"
        }
    }

    /// `12 B`, `3.4 KB`, `5.6 MB`.
    static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1000: "\(count) B"
        case ..<1_000_000: "\(tenths(count, 1000)) KB"
        case ..<1_000_000_000: "\(tenths(count, 1_000_000)) MB"
        default: "\(tenths(count, 1_000_000_000)) GB"
        }
    }

    /// One digit behind the point, cut off.
    private static func tenths(_ value: Int, _ unit: Int) -> String {
        "\(value / unit).\(value % unit * 10 / unit)"
    }
}
