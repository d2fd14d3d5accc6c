/// What the Gateway itself may be told: its limits and times, with the defaults of design sections 6 and 7.
package struct GatewayOptions: Sendable {
    /// The pause after which an idle reader gets a comment, so that proxies keep the connection.
    package var heartbeatInterval: Duration = .seconds(15)
    /// The names, beside `localhost` and IP literals, that a request's Host may have.
    package var allowedHosts: [String] = []
    /// The foreign origins whose pages may call the sidecar.
    package var allowedOrigins: [String] = []
    /// What `/livez` says the program is.
    package var version: String = ""
    /// What assignments and metrics say of the process.
    package var process = ProcessFacts()
    /// How long `stop` waits for readers that do not take what is on its way to them.
    package var stopTimeout: Duration = .seconds(10)

    package init() {}
}
