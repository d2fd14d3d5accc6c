/// Which proxy a request goes through, from the usual variables. Performs no I/O.
///
/// Source: libcurl's own rules (https://everything.curl.dev/usingcurl/proxies/env.html): `HTTP_PROXY` in upper case is
/// not read, since a CGI's client can set it; the others are read in either case, lower case first.
package struct ProxySettings: Hashable, Sendable {
    private let http: Secret?
    private let https: Secret?
    /// Hosts that are reached directly, in the syntax that libcurl reads; empty: none.
    package let exceptions: String

    /// The variables that are read.
    package static let variables = [
        "all_proxy", "ALL_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
    ]

    package init(_ environment: Environment) {
        let all = environment["all_proxy"] ?? environment["ALL_PROXY"]
        http = (environment["http_proxy"] ?? all).map(Secret.init)
        https = (environment["https_proxy"] ?? environment["HTTPS_PROXY"] ?? all).map(Secret.init)
        exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
    }

    /// The proxy's URL, which may hold a password; nil to connect directly. `exceptions` still applies to it.
    package func proxy(for endpoint: Endpoint) -> Secret? {
        // A proxy would resolve these to itself: another machine's loopback, another instance's metadata.
        if IPAddress.isLoopbackOrLinkLocal(endpoint.host) { return nil }
        return endpoint.scheme == .https ? https : http
    }
}
