import AWS
import Bytes
import Reactor

/// What a command works with: where it asks, where it writes. Confined to its loop.
package final class ClientContext: @unchecked Sendable {
    let loop: EventLoop
    let environment: Environment
    let input: Input
    let output: Output
    let errors: Output
    private let listeners: @Sendable () throws(ClientError) -> ConfiguredListeners

    /// - Parameter listeners: what the sidecar's own configuration says, read when nothing else names an address.
    package init(
        loop: EventLoop, environment: Environment = .process,
        listeners: @escaping @Sendable () throws(ClientError) -> ConfiguredListeners
    ) {
        self.loop = loop
        self.environment = environment
        self.listeners = listeners
        input = Input(fd: 0)
        output = Output(fd: 1)
        errors = Output(fd: 2)
    }

    /// A line on standard error, under the program's name.
    func note(_ text: String) {
        _ = errors.write("kinesis-sidecar: \(PrintableText.line(text))\n")
    }

    /// Whether the line that a person types begins with y. The end of the input, or anything else, is no.
    func saysYes() -> Bool {
        let line = ByteBuffer()
        while !line.text.contains("\n"), case .bytes = input.read(to: line) {}
        return line.text.lowercased().hasPrefix("y")
    }

    // MARK: The sidecar

    /// The sidecar that the command line and the environment name.
    func sidecar(_ values: CommandValues, for purpose: Purpose = .work) throws(ClientError) -> SidecarClient {
        var options = Transport.Options()
        options.certificateFile = values.text("ca-file")
        if let path = options.certificateFile, !SmallInput.isReadable(path) {
            throw .usage("--ca-file: \(path) cannot be read: \(SmallInput.lastError)")
        }
        let address = try find(values, purpose, &options)
        options.unixSocket = address.unixSocket
        options.connectTimeout = purpose.connectTimeout
        // AWS's own variables are none of a sidecar's.
        let proxies = ProxySettings.variables.compactMap { name in environment[name].map { (name, $0) } }
        options.environment = Environment(
            Dictionary(uniqueKeysWithValues: address.unixSocket == nil ? proxies : []))
        return SidecarClient(
            Transport(loop: loop, options: options), address, token: environment[ClientProgram.token])
    }

    enum Purpose {
        case work
        case probe(within: Duration)

        fileprivate var connectTimeout: Duration {
            switch self {
            case .work: .seconds(5)
            case .probe(let time): time
            }
        }
    }

    private func find(
        _ values: CommandValues, _ purpose: Purpose, _ options: inout Transport.Options
    ) throws(ClientError) -> SidecarAddress {
        if let text = values.text("url") { return try SidecarAddress(text, from: "--url") }
        if let text = environment[ClientProgram.url] {
            return try SidecarAddress(text, from: "environment \(ClientProgram.url)")
        }
        let configured = try listeners()
        if case .probe = purpose, let admin = configured.admin { return admin }
        let address = configured.listen.first ?? .standard
        if address.endpoint.scheme == .https, options.certificateFile == nil, let file = configured.certificateFile {
            guard let certificate = SmallInput.firstCertificate(of: file) else {
                throw .failed("\(file) has no certificate that can be read; --ca-file or --url goes before it")
            }
            options.onlyCertificate = certificate
        }
        return address
    }
}
