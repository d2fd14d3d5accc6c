import Bytes

/// The name of an AWS region, as it stands in host names and signatures.
package struct Region: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    /// Nil unless `name` is one to 32 lower-case letters, digits and hyphens: it becomes part of a host name.
    package init?(_ name: String) {
        let bytes = name.utf8
        guard (1...32).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
            return nil
        }
        let allowed = bytes.allSatisfy { byte in
            byte.isLowercase || byte.isDigit || byte == UInt8(ascii: "-")
        }
        guard allowed else { return nil }
        self.name = name
    }

    package var description: String { name }

    /// What `--local` signs for.
    package static let local = Region(unchecked: "us-east-1")

    private init(unchecked name: String) {
        self.name = name
    }

    /// The part of AWS the region belongs to, each with its own DNS suffix.
    package var partition: Partition {
        if name.hasPrefix("cn-") { return .china }
        if name.hasPrefix("us-gov-") { return .government }
        return .commercial
    }

    package enum Partition: String, CaseIterable, Sendable {
        case commercial = "aws"
        case china = "aws-cn"
        case government = "aws-us-gov"

        package var dnsSuffix: String {
            self == .china ? "amazonaws.com.cn" : "amazonaws.com"
        }
    }
}
