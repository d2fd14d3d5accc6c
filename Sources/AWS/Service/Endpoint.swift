/// Where a service is asked: an http or https URL without user, query and fragment.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Sendable { case http, https }

    package let scheme: Scheme
    /// Lower case; an IPv6 address without its brackets.
    package let host: String
    /// Nil where it is the scheme's own.
    package let port: UInt16?
    /// `/`, or the path of an endpoint behind a prefix; begins with a slash and is sent as it is.
    package let path: String
    /// What the Host header says.
    package let authority: String

    package init(scheme: Scheme, host: String, port: UInt16? = nil, path: String = "/") {
        self.scheme = scheme
        self.host = host
        self.port = port == (scheme == .https ? 443 : 80) ? nil : port
        self.path = path
        let name = host.contains(":") ? "[\(host)]" : host
        authority = self.port.map { "\(name):\($0)" } ?? name
    }

    /// Whether AWS itself answers there, also through a VPC endpoint, and no emulator: by the end of the host's name.
    package var isOfAWS: Bool {
        Region.Partition.allCases.contains { partition in
            host.hasSuffix("." + partition.dnsSuffix) || host.hasSuffix("." + partition.dualStackSuffix)
        }
    }

    package var url: String { url(path: path, query: nil) }
    package var description: String { url }

    /// The URL of something else at the same place; both parts as they are sent.
    func url(path: String, query: String?) -> String {
        let place = "\(scheme.rawValue)://\(authority)\(path)"
        return query.map { "\(place)?\($0)" } ?? place
    }
}

/// What is wrong with a URL that was given as an endpoint.
package enum EndpointError: Error, Hashable, Sendable {
    /// Neither http:// nor https://.
    case scheme(String)
    case host(String)
    case port(String)
    /// The path has bytes that need percent encoding.
    case path(String)
    /// A user, query or fragment, which an endpoint cannot have.
    case unexpected(String)
    /// Not a region's name; it would become part of a host name.
    case region(String)
    /// Neither option, environment, profile nor the instance's metadata names a region.
    case regionMissing
    /// A FIPS or dual-stack endpoint is asked for, and another place is named too.
    case variantOfEndpoint(String, isFIPS: Bool)
    /// S3 has no FIPS endpoints in this region.
    case noFIPS(String)
    /// An endpoint of the account is required where there are none.
    case noAccountEndpoints(String)
    /// A variable or a profile's key has a value that cannot be used.
    case badSetting(String, accepted: String)
}

extension EndpointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .scheme(let text): "\"\(Endpoint.masked(text))\" is not a URL that begins with http:// or https://"
        case .host(let text):
            "\"\(Endpoint.masked(text))\" is not a host name, an IPv4 address or an IPv6 address in brackets"
        case .port(let text): "\"\(text)\" is not a port from 1 to 65535"
        case .path(let text): "the path \"\(text)\" has characters that a URL must not have"
        case .unexpected(let text): "an endpoint has no user, query or fragment: \"\(Endpoint.masked(text))\""
        case .region(let text): "\"\(text)\" is not the name of a region, such as eu-central-1"
        case .regionMissing:
            "no region: give --region, set AWS_REGION or AWS_DEFAULT_REGION, or a region in the profile"
        case .variantOfEndpoint(let text, let isFIPS):
            "\(isFIPS ? "useFipsEndpoint" : "useDualstackEndpoint") does not go with an endpoint that is no host of AWS's: "
                + "\"\(text)\"; give one of the two"
        case .noAccountEndpoints(let host):
            "accountIdEndpointMode is required, and \(host) has no endpoints of accounts (FIPS and other partitions)"
        case .noFIPS(let region): "S3 has no FIPS endpoints in \(region)"
        case .badSetting(let name, let accepted): "\(name) cannot be used; accepted: \(accepted)"
        }
    }
}
