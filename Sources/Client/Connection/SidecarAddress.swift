import AWS

/// Where a sidecar is asked. Performs no I/O.
package struct SidecarAddress: Equatable, Sendable, CustomStringConvertible {
    let endpoint: Endpoint
    /// The path of its Unix socket; nil: TCP.
    let unixSocket: String?

    package static let standard = SidecarAddress(endpoint: Endpoint(scheme: .http, host: "127.0.0.1", port: 8700))

    package init(endpoint: Endpoint) {
        self.endpoint = endpoint
        unixSocket = nil
    }

    package init(unixSocket: String) {
        endpoint = Endpoint(scheme: .http, host: "localhost")
        self.unixSocket = unixSocket
    }

    /// `http://host:8700`, `https://…/prefix`, `unix:/run/sidecar.sock`, or `host:8700`, which is plain HTTP.
    /// - Throws: `.usage`, with `origin` as what gave the text.
    init(_ text: String, from origin: String) throws(ClientError) {
        if text.hasPrefix("unix:") {
            var path = text.dropFirst("unix:".count)
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard (1...Self.longestPath).contains(path.utf8.count), !path.utf8.contains(0) else {
                throw .usage("\(origin): unix: is followed by a path of 1 to \(Self.longestPath) bytes")
            }
            self.init(unixSocket: String(path))
            return
        }
        do {
            self.init(endpoint: try Endpoint(text.contains("://") ? text : "http://" + text))
        } catch {
            throw .usage("\(origin): \(error); accepted: http://HOST:PORT, https://HOST:PORT, HOST:PORT or unix:PATH")
        }
    }

    /// The bytes that a socket's path may have (unix(7), with its ending zero).
    private static let longestPath = 107

    package var description: String {
        if let unixSocket { return "unix:\(unixSocket)" }
        let url = endpoint.url
        return endpoint.path == "/" ? String(url.dropLast()) : url
    }

    /// A path of the HTTP interface, behind the prefix that the endpoint has.
    func path(_ path: String) -> String {
        let prefix = endpoint.path
        return (prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix) + path
    }
}

/// Where the configuration that a command finds says that the sidecar listens.
package struct ConfiguredListeners: Equatable, Sendable {
    /// In the order in which they are to be asked; not empty.
    package var listen: [SidecarAddress]
    /// For probes; nil: there is none.
    package var admin: SidecarAddress?
    /// The file of the TLS listeners' certificate.
    package var certificateFile: String?

    package init(listen: [SidecarAddress], admin: SidecarAddress? = nil, certificateFile: String? = nil) {
        self.listen = listen
        self.admin = admin
        self.certificateFile = certificateFile
    }
}
