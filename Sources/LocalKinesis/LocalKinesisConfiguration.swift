import Kinesis

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
    /// Streams that are there from the start, with their shards; those that are in the store stay as they are.
    package var streams: [StreamName: Int]
    /// Bytes that records may take in memory, beyond which the oldest go; nothing is bounded in a folder.
    package var memoryLimit: Int
    /// Names by which it may be called, beside `localhost` and addresses.
    package var allowedHosts: [String]

    package init(
        dataDirectory: String? = nil, limits: Bool = true, stateDelay: Duration = .milliseconds(50),
        region: String = "us-east-1", account: String = "000000000000", streams: [StreamName: Int] = [:],
        memoryLimit: Int = 512 << 20, allowedHosts: [String] = []
    ) {
        self.dataDirectory = dataDirectory
        self.streams = streams
        self.memoryLimit = memoryLimit
        self.allowedHosts = allowedHosts
        self.limits = limits
        self.stateDelay = stateDelay
        self.region = region
        self.account = account
    }
}
