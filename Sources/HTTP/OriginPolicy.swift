/// Decides whether a request may have been made by a browser's page of somebody else (design section 7).
///
/// A server on loopback is reached by every page that the user opens. DNS rebinding makes a foreign name resolve to
/// 127.0.0.1, so the Host must be a name that is ours; a foreign page can also send requests whose answers it never
/// sees, so a foreign Origin or Sec-Fetch-Site is refused. Performs no I/O.
///
/// Source: RFC 6454; W3C Fetch Metadata Request Headers, 2.4.
package struct OriginPolicy: Sendable, Equatable {
    package enum Refusal: Error, Equatable, Sendable {
        /// 421.
        case foreignHost(String)
        /// 403.
        case foreignOrigin(String)
        /// 403; the value of Sec-Fetch-Site.
        case foreignSite(String)

        package var status: HTTPStatus {
            switch self {
            case .foreignHost: .misdirectedRequest
            case .foreignOrigin, .foreignSite: .forbidden
            }
        }
    }

    /// Host names without ports, in lower case, beside `localhost` and addresses. `*.example` is every name below.
    package let allowedHosts: [String]
    /// Origins as browsers send them (`https://app.example`), in lower case.
    package let allowedOrigins: [String]

    package init(allowedHosts: [String] = [], allowedOrigins: [String] = []) {
        self.allowedHosts = allowedHosts.map { Authority.withoutRootDot(ASCII.lowercased($0)) }
        self.allowedOrigins = allowedOrigins.map(ASCII.lowercased)
    }

    /// Nil when the request may be served.
    package func check(_ request: HTTPRequest) -> Refusal? {
        // Only HTTP/1.0 may come without Host, and no browser speaks it.
        if let authority = request.authority {
            let host = Authority.host(authority)
            guard host == "localhost" || Authority.isAddress(host) || isAllowed(host) else {
                return .foreignHost(authority)
            }
        }
        let origins = request.headerValues("origin").map(ASCII.lowercased)
        if let foreign = origins.first(where: { !allowedOrigins.contains($0) && !isOwn($0, request) }) {
            return .foreignOrigin(foreign)
        }
        if origins.contains(where: allowedOrigins.contains) { return nil }
        let sites = request.headerValues("sec-fetch-site").map(ASCII.lowercased)
        return sites.first { $0 != "same-origin" && $0 != "none" }.map(Refusal.foreignSite)
    }

    /// The foreign origin whose page asks and may: it has to be told so, or its browser keeps the answer from it.
    package func allowedForeignOrigin(_ request: HTTPRequest) -> String? {
        guard !allowedOrigins.isEmpty, let origin = request.header("origin") else { return nil }
        let name = ASCII.lowercased(origin)
        return allowedOrigins.contains(name) && !isOwn(name, request) ? origin : nil
    }

    private func isAllowed(_ host: String) -> Bool {
        allowedHosts.contains { name in
            guard name.hasPrefix("*.") else { return name == host }
            let suffix = name.dropFirst()
            return host.hasSuffix(suffix) && host.utf8.count > suffix.utf8.count
        }
    }

    /// Whether a page of this origin came from the very host and port that the request goes to.
    private func isOwn(_ origin: String, _ request: HTTPRequest) -> Bool {
        let prefix = request.scheme + "://"
        guard let authority = request.authority, origin.hasPrefix(prefix) else { return false }
        let ending = request.scheme == "https" ? ":443" : ":80"
        func normal(_ text: String) -> String {
            text.hasSuffix(ending) ? String(text.dropLast(ending.count)) : text
        }
        return normal(String(origin.dropFirst(prefix.count))) == normal(ASCII.lowercased(authority))
    }
}

extension OriginPolicy.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .foreignHost(let host):
            "Host is \"\(host)\"; it must be localhost, an IP address or a name that allowedHosts "
                + "(KINESIS_SIDECAR_ALLOWED_HOSTS) lists; *.example.com there is every name below example.com."
        case .foreignOrigin(let origin): "Origin is \"\(origin)\", which allowedOrigins does not list."
        case .foreignSite(let site):
            "Sec-Fetch-Site is \"\(site)\", and no Origin that allowedOrigins lists comes with it."
        }
    }
}
