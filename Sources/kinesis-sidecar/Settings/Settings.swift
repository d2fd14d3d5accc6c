import AWS
import Consumer
import Gateway
import HTTP
import HTTPServer
import Kinesis
import Logging
import MultiLang
import Producer

/// Everything that the program may be told, checked: what `SettingsReader` makes of command line, environment and file.
struct Settings: Sendable {
    /// A stream that configuration lists: its consumer starts with the program.
    struct ListedConsumer: Sendable {
        let stream: StreamName
        let options: NamedOptions
    }

    // MARK: Where

    /// With the embedded Kinesis, and without AWS.
    var isLocal = false
    /// The embedded Kinesis's port on 127.0.0.1; 0 lets the kernel choose.
    var localPort = 4567
    /// Where the embedded Kinesis listens; nil: on `localPort` of 127.0.0.1.
    var localListen: ListenAddress?
    /// Gets the certificate that clients of the embedded Kinesis are to trust, which speaks TLS too then; nil: it does not.
    var localTLS: String?
    /// Streams that the embedded Kinesis has from the start.
    var localStreams: [LocalStreamName] = []
    /// Bytes that the embedded Kinesis's records may take without a folder for the data. 512 MiB: a test or a day of
    /// development writes less, and a machine has it.
    var localMemoryLimit = 512 << 20
    /// Whether the embedded Kinesis throttles as the service does.
    var localLimits = true
    var listen: [ListenAddress] = [ListenAddress("127.0.0.1:8700")!, ListenAddress("[::1]:8700")!]
    /// Gets the ports as JSON once the program listens.
    var portFile: String?
    /// Nil: everything in memory.
    var dataDir: String?

    // MARK: AWS

    var region: String?
    /// Of all services.
    var endpoint: String?
    /// Before `endpoint`.
    var kinesisEndpoint: String?
    var credentials = CredentialsSettings()
    /// Which of the services' endpoints are asked.
    var endpoints = EndpointResolver.Options()
    /// Gives the credentials of roles; its own sign what asks for one.
    var sts = ServiceSettings()
    /// Of GetRecords; nil: CBOR where AWS itself is asked, else JSON, which every emulator speaks.
    var wireFormat: WireFormat?
    var dynamoDB = DynamoDBSettings()
    var s3 = S3Settings()

    // MARK: HTTP

    var tls = TLSSettings()
    /// Who may do what.
    var access = Access()
    /// Whether `listen` may be beyond loopback although whoever comes is not known, or can be overheard.
    var isInsecure = false
    /// Where probes and Prometheus come; nil: to `listen`.
    var adminListen: ListenAddress?
    /// Of Unix sockets.
    var socketAccess = UnixSocket.Access()
    var http = HTTPLimits()
    var heartbeatInterval = GatewayOptions().heartbeatInterval
    var allowedHosts: [String] = []
    var allowedOrigins: [String] = []

    // MARK: Records and puts

    var maxBufferedBytes = 64 << 20
    var maxPutBytes = 32 << 20
    var putTimeout = Duration.seconds(30)
    var putLinger = Duration.zero
    var aggregates = false
    var aggregation = PutShaping.Aggregation()
    /// Percent of each shard's write limits; nil: no limit of our own.
    var rateLimit: Int?

    var shaping: PutShaping {
        var shaping = PutShaping()
        if aggregates { shaping.aggregation = aggregation }
        shaping.share = rateLimit.map { Double($0) / 100 }
        return shaping
    }

    // MARK: Process

    /// From the signal to the drain: not ready, and everything else goes on.
    var shutdownDelay = Duration.zero
    /// From the drain's begin to the end, whatever is still under way then.
    var drainTimeout = Duration.seconds(25)
    /// How long what is under way is waited for at the end; the rest of `drainTimeout` is for the last commits.
    var settlingTime: Duration { drainTimeout - drainTimeout / 10 }
    var logLevel = Logger.Level.info
    var otlp = OTLPSettings()
    /// Options that hold where a consumer's own entry or request names no other.
    var consumerDefaults = ConsumerOptions()
    var consumers: [ListedConsumer] = []
    /// Properties files of the MultiLangDaemon. What they say is in `processors`, and in the settings of the process.
    var multilang: [String] = []
    /// Applications of record processors: each is a consumer, whose records its children get.
    var processors: [ProcessorOptions] = []
    /// Whether a stream that only a URL names may be created: with `--local`, and where the configuration says
    /// `createStreamIfNeeded` for all (design section 5: a typing error must not cost money).
    var createsUnlistedStreams = false

    /// Every consumer that configuration lists, also those of record processors.
    var listed: [ListedConsumer] {
        consumers + processors.map { ListedConsumer(stream: $0.stream, options: $0.options) }
    }

    /// What this stream is created with when it is missing; nil: it is not created. CreateStream takes no ARN.
    func capacity(of stream: StreamName) -> StreamCapacity? {
        if stream.isARN { return nil }
        let listed = listed.filter { $0.stream == stream }
        guard !listed.isEmpty else { return createsUnlistedStreams ? consumerDefaults.capacity : nil }
        let wanted = listed.map { $0.options.applied(to: consumerDefaults) }.filter(\.createStreamIfNeeded)
        if wanted.contains(where: { $0.capacity == .onDemand }) { return .onDemand }
        return wanted.map(\.shardCount).max().map { .provisioned(shards: $0) }
    }

    /// How records that are put to a stream are compressed: as those are that are read from it.
    func compression(of stream: StreamName) -> Compression {
        // Those that list it agree (SettingsReader).
        let listed = listed.first { $0.stream == stream }
        return (listed?.options.applied(to: consumerDefaults) ?? consumerDefaults).compression
    }

    func encoding(of stream: StreamName) -> PutEncoding {
        PutEncoding(compression: compression(of: stream), largeItems: largeItemRule(of: stream))
    }

    /// Whether groups are shared with other sidecars, by DynamoDB: unless the configuration says it, in AWS, and with
    /// `--local` where an endpoint of DynamoDB is named.
    var sharesGroups: Bool { dynamoDB.isEnabled ?? (!isLocal || dynamoDB.service.endpoint != nil) }
}
