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

    /// The part of AWS the region belongs to, each with domains of its own. Regions of none are taken for the first one's.
    package var partition: Partition {
        Partition.allCases.first { partition in partition.regionPrefixes.contains(where: name.hasPrefix) }
            ?? .commercial
    }

    /// Source: botocore's partitions.json.
    package enum Partition: String, CaseIterable, Sendable {
        case commercial = "aws"
        case china = "aws-cn"
        case government = "aws-us-gov"
        case european = "aws-eusc"
        case iso = "aws-iso"
        case isoB = "aws-iso-b"
        case isoE = "aws-iso-e"
        case isoF = "aws-iso-f"

        /// Those that no other partition's regions begin with.
        fileprivate var regionPrefixes: [String] {
            switch self {
            case .commercial: []
            case .china: ["cn-"]
            case .government: ["us-gov-"]
            case .european: ["eusc-"]
            case .iso: ["us-iso-"]
            case .isoB: ["us-isob-"]
            case .isoE: ["eu-isoe-"]
            case .isoF: ["us-isof-"]
            }
        }

        package var dnsSuffix: String {
            switch self {
            case .commercial, .government: "amazonaws.com"
            case .china: "amazonaws.com.cn"
            case .european: "amazonaws.eu"
            case .iso: "c2s.ic.gov"
            case .isoB: "sc2s.sgov.gov"
            case .isoE: "cloud.adc-e.uk"
            case .isoF: "csp.hci.ic.gov"
            }
        }

        /// Of hosts that have IPv6 too.
        package var dualStackSuffix: String {
            switch self {
            case .commercial, .government: "api.aws"
            case .china: "api.amazonwebservices.com.cn"
            case .european: "api.amazonwebservices.eu"
            case .iso: "api.aws.ic.gov"
            case .isoB: "api.aws.scloud"
            case .isoE: "api.cloud-aws.adc-e.uk"
            case .isoF: "api.aws.hci.ic.gov"
            }
        }
    }
}
