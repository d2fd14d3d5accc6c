import Bytes

/// The metadata service of a virtual machine of EC2, in its second version. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
package struct InstanceMetadata: Hashable, Sendable {
    package let endpoint: Endpoint

    static let tokenPath = "/latest/api/token"
    /// Seconds that a token is good for, which is used for one look: a few requests.
    static let tokenLife = "60"
    static let rolePath = "/latest/meta-data/iam/security-credentials/"
    static let regionPath = "/latest/meta-data/placement/region"
    /// Of each request, tried once: elsewhere than in EC2 nobody answers at all.
    static let timeout = Duration.seconds(1)

    /// Nil where AWS_EC2_METADATA_DISABLED says so.
    package init?(_ environment: Environment, _ profile: Profile?) throws(CredentialsError) {
        if environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" { return nil }
        let named = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        if let url = environment[named] ?? profile?["ec2_metadata_service_endpoint"] {
            guard let endpoint = try? Endpoint(url) else {
                throw .badVariable(named, accepted: "an http:// or https:// URL without user, query and fragment")
            }
            self.endpoint = endpoint
            return
        }
        let mode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
        switch (environment[mode] ?? profile?["ec2_metadata_service_endpoint_mode"] ?? "ipv4").lowercased() {
        case "ipv4": endpoint = Endpoint(scheme: .http, host: "169.254.169.254")
        case "ipv6": endpoint = Endpoint(scheme: .http, host: "fd00:ec2::254")
        default: throw .badVariable(mode, accepted: "IPv4 or IPv6")
        }
    }

    /// A path of the service behind the endpoint's own.
    func path(_ path: String) -> String {
        (endpoint.path.hasSuffix("/") ? String(endpoint.path.dropLast()) : endpoint.path) + path
    }

    /// The role's name, which is the first line; nil where it is none that may stand in a path.
    static func role(_ text: String) -> String? {
        guard let line = text.split(whereSeparator: \.isNewline).first,
            line.utf8.allSatisfy({ $0.isLetter || $0.isDigit || "_+=,.@-".utf8.contains($0) })
        else { return nil }
        return String(line)
    }
}

extension InstanceMetadata: CustomStringConvertible {
    package var description: String { "the instance's metadata (\(endpoint.authority))" }
}
