/// How the embedded Kinesis is set up.
package struct LocalKinesisConfiguration: Sendable {
    /// Where `kinesis.db` lies; nil keeps everything in memory. The folder must exist.
    package var dataDirectory: String?
    /// Whether the service's limits are kept; benchmarks switch them off.
    package var limits: Bool
    /// How long a stream stays in CREATING, UPDATING and DELETING. The real service takes 10 to 30 s.
    package var stateDelay: Duration
    package var region: String
    package var account: String

    package init(
        dataDirectory: String? = nil, limits: Bool = true, stateDelay: Duration = .milliseconds(50),
        region: String = "us-east-1", account: String = "000000000000"
    ) {
        self.dataDirectory = dataDirectory
        self.limits = limits
        self.stateDelay = stateDelay
        self.region = region
        self.account = account
    }
}
