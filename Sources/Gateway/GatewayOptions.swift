import Consumer

/// What the Gateway itself may be told: its limits and times, with the defaults of design sections 6 and 7.
package struct GatewayOptions: Sendable {
    /// The pause after which an idle reader gets a comment, so that neither a proxy nor its own client gives the
    /// connection up: four common clients do after 5 s without a byte (docs/clients.md).
    package var heartbeatInterval: Duration = .seconds(4)
    /// The names, beside `localhost` and IP literals, that a request's Host may have.
    package var allowedHosts: [String] = []
    /// The foreign origins whose pages may call the sidecar.
    package var allowedOrigins: [String] = []
    /// Who may do what.
    package var access = Access()
    /// What `/livez` says the program is.
    package var version: String = ""
    /// What assignments and metrics say of the process.
    package var process = ProcessFacts()
    /// How long a client that gives a silent connection up, and comes back, waits for its reader's positions before it is told
    /// what stands in the way. Less than the 4 s after which the most impatient of them gives up (docs/clients.md).
    package var readerPatience: Duration = .milliseconds(3500)
    /// How long `stop` waits for readers that do not take what is on its way to them.
    package var stopTimeout: Duration = .seconds(10)

    /// How long `POST /drain` waits for readers that do not take what is on its way to them.
    package var drainTimeout: Duration = .seconds(25)
    /// How much of it record processors have at most.
    package var settlingTime: Duration = .milliseconds(22_500)

    /// What `heartbeatInterval` may be, in the configuration and in a query.
    package static let heartbeatIntervals = OptionKind.milliseconds(100...OptionKind.longestMilliseconds)

    /// Which puts are traced, and who takes their spans; nil: none.
    package var tracing: Tracing?

    package init() {}
}
