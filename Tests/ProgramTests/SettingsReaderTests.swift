import AWS
import Consumer
import Kinesis
import HTTPServer
import Kinesis
import Testing
import Time

@testable import kinesis_sidecar

@Suite struct SettingsReaderTests {
    private func read(
        _ arguments: [String] = [], environment: [String: String] = [:], file: String? = nil
    ) -> SettingsReader {
        SettingsReader(
            commandLine: CommandLineArguments(arguments),
            environment: EnvironmentSettings(environment.map { ($0.key, $0.value) }),
            file: file.map { ConfigFileSettings(Array($0.utf8), path: "sidecar.yaml") })
    }

    private func mistakes(
        _ arguments: [String] = [], environment: [String: String] = [:], file: String? = nil
    ) -> [String] {
        read(arguments, environment: environment, file: file).mistakes.map(\.description)
    }

    @Test func `without anything the defaults are in force`() {
        let reader = read()
        #expect(reader.mistakes.isEmpty)
        #expect(reader.settings.listen.map(\.description) == ["127.0.0.1:8700", "[::1]:8700"])
        #expect(reader.settings.consumerDefaults == ConsumerOptions())
        #expect(!reader.settings.isLocal && !reader.settings.createsUnlistedStreams)
    }

    @Test func `the command line goes before the environment, and that before the file`() {
        let file = "logLevel: error\nlimit: 1\nputTimeout: 5000\n"
        let variables = ["KINESIS_SIDECAR_LOG_LEVEL": "debug", "KINESIS_SIDECAR_LIMIT": "2"]
        let settings = read(["--log-level", "trace"], environment: variables, file: file).settings
        #expect(settings.logLevel == .trace)
        #expect(settings.consumerDefaults.limit == 2)
        #expect(settings.putTimeout == .seconds(5))
    }

    @Test func `records are put with the compression that configuration says of their stream`() throws {
        let file = "consumers: [{streamName: a, compression: LZ-UTF8}, {streamName: b}]\n"
        let settings = read(file: file).settings
        #expect(["a", "b", "c"].map { settings.compression(of: StreamName($0)!) } == [.lzUTF8, .none, .none])
        #expect(read(file: "compression: LZ-UTF8\n").settings.compression(of: StreamName("c")!) == .lzUTF8)
        let two = "consumers:\n- {streamName: a, compression: LZ-UTF8}\n- {streamName: a, consumerGroup: g}\n"
        let mistakes = mistakes(file: two)
        #expect(mistakes.count == 1 && mistakes[0].contains("compression none is not what another entry says"))
    }

    @Test func `a list of a higher layer replaces the lower one's`() {
        let file = "listen: ['127.0.0.1:1', '127.0.0.1:2']\nallowedHosts: [a.example]\n"
        let settings = read(
            ["--listen", "127.0.0.1:0", "--listen=[::1]:0"],
            environment: ["KINESIS_SIDECAR_ALLOWED_HOSTS": "b.example, c.example"], file: file
        ).settings
        #expect(settings.listen.map(\.description) == ["127.0.0.1:0", "[::1]:0"])
        #expect(settings.allowedHosts == ["b.example", "c.example"])
    }

    @Test(arguments: [
        (
            ["--limit", "5"],
            "--limit: there is no such option; set KINESIS_SIDECAR_LIMIT, or limit in the configuration"
        ),
        (["--locl"], "--locl: there is no such option; did you mean --local?"),
        (["--listen", "example.org:80"], "--listen: \"example.org:80\" is not accepted; accepted: ADDRESS:PORT"),
        (["--listen"], "--listen: needs a value"),
        (["--region", "EU"], "--region: \"EU\" is not accepted"),
        (["--region", "a", "--region", "b"], "--region: is given twice"),
        (["--endpoint", "ftp://x"], "--endpoint: \"ftp://x\" is not accepted"),
        (["--s3-endpoint", "x"], "--s3-endpoint: \"x\" is not accepted; accepted: an http"),
        (["--dynamodb", "maybe"], "--dynamodb: \"maybe\" is not accepted; accepted: true, false, on, off, 1 or 0"),
        (["--local", "--dynamodb", "on"], "--dynamodb: needs dynamoDb.endpoint with --local"),
        (["--loops", "2"], "--loops: there is no such option"),
        (["--local-port", "0"], "--local-port: needs --local"),
        (["--local", "--local-limits", "maybe"], "--local-limits: \"maybe\" is not accepted; accepted: on or off"),
        (["--local", "--endpoint", "http://x"], "--endpoint: has no effect with --local"),
        (["--log-level", "loud"], "--log-level: \"loud\" is not accepted"),
        (["--consumer-group", ""], "--consumer-group: \"\" is not accepted"),
        (["--version=1"], "--version: takes no value"),
        (["serve"], "\"serve\" is no option"),
        (["hlep"], "\"hlep\" is no option; did you mean --help?"),
        (["local"], "\"local\" is no option; did you mean --local?"),
        (["version", "help"], "\"help\" is unexpected after version"),
        (["help", "put", "--limit"], "\"put\" is unexpected after help"),
    ])
    func `a mistake on the command line is told by its flag`(_ arguments: [String], _ text: String) {
        let found = mistakes(arguments)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(text) == true, "\(found)")
    }

    @Test(arguments: [
        (
            "LIMIT", "0",
            "environment KINESIS_SIDECAR_LIMIT: \"0\" is not accepted; accepted: an integer from 1 to 10000"
        ),
        ("LIMTI", "1", "environment KINESIS_SIDECAR_LIMTI: there is no option limti; did you mean limit?"),
        (
            "USE_S3_FOR_LARGE_ITEMS", "maybe",
            "environment KINESIS_SIDECAR_USE_S3_FOR_LARGE_ITEMS: \"maybe\" is not accepted; accepted: true or false"
        ),
        ("DYNAMO_DB__TABLE_NAME", "a", "environment KINESIS_SIDECAR_DYNAMO_DB__TABLE_NAME: \"a\" is not accepted"),
        (
            "DYNAMO_DB__TAGS", "a=1,b",
            "environment KINESIS_SIDECAR_DYNAMO_DB__TAGS: \"b\" is not accepted; accepted: KEY"
        ),
        ("DYNAMO_DB__TAGS", "aws:x=1", "environment KINESIS_SIDECAR_DYNAMO_DB__TAGS: \"aws:x=1\" is not accepted"),
        (
            "DYNAMO_DB__PROVISIONED_THROUGHPUT__READ_CAPACITY_UNITS", "1",
            "environment KINESIS_SIDECAR_DYNAMO_DB__PROVISIONED_THROUGHPUT__READ_CAPACITY_UNITS: needs both"
        ),
        (
            "DYNAMO_DB__CREDENTIALS__SESSION_TOKEN", "t",
            "environment KINESIS_SIDECAR_DYNAMO_DB__CREDENTIALS__SESSION_TOKEN: a session token needs"
        ),
        ("SHARD_IDS", "a b", "environment KINESIS_SIDECAR_SHARD_IDS: \"a b\" is not accepted; accepted: ids of shards"),
        ("CONSUMERS", "x", "environment KINESIS_SIDECAR_CONSUMERS: consumers are listed in the configuration file"),
        ("LOCAL", "yes", "environment KINESIS_SIDECAR_LOCAL: \"yes\" is not accepted; accepted: true or false"),
        ("CREDENTIALS__ACCESS_KEY_ID", "k", "environment KINESIS_SIDECAR_CREDENTIALS__ACCESS_KEY_ID: credentials need"),
        ("ALLOWED_ORIGINS", "app.example", "environment KINESIS_SIDECAR_ALLOWED_ORIGINS: \"app.example\" is not"),
        ("ALLOWED_HOSTS", "", "environment KINESIS_SIDECAR_ALLOWED_HOSTS: has no value"),
    ])
    func `a mistake in the environment is told by its variable`(_ name: String, _ value: String, _ text: String) {
        let found = mistakes(environment: ["KINESIS_SIDECAR_" + name: value])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(text) == true, "\(found)")
    }

    @Test(arguments: [
        ("limit: many", "sidecar.yaml:1 limit: \"many\" is not accepted"),
        ("\nlimit:", "sidecar.yaml:2 limit: has no value"),
        ("limit: [1]\nlistne: x", "sidecar.yaml:2 listne: there is no option listne; did you mean listen?"),
        ("retryOptions: {retires: 1}", "sidecar.yaml:1 retryOptions.retires: there is no option retryOptions.retires"),
        ("- a", "sidecar.yaml:1: the file must be a mapping"),
        ("consumers: orders", "sidecar.yaml:1 consumers: must be a list"),
        ("consumers: [orders]", "sidecar.yaml:1 consumers[0]: each entry must be a mapping"),
        ("consumers: [{limit: 1}]", "sidecar.yaml:1 consumers[0]: the entry has no streamName"),
        ("consumers: [{streamName: 'a b'}]", "sidecar.yaml:1 consumers[0].streamName: \"a b\" is not accepted"),
        ("consumers: [{streamName: a, dataDir: x}]", "sidecar.yaml:1 consumers[0].dataDir: is an option"),
        ("consumers:\n- {streamName: a}\n- {streamName: a}", "sidecar.yaml:3 consumers[1]: stream a with"),
        (
            "accountIdEndpointMode: on",
            "sidecar.yaml:1 accountIdEndpointMode: \"on\" is not accepted; accepted: preferred"
        ),
        (
            "useFipsEndpoint: maybe",
            "sidecar.yaml:1 useFipsEndpoint: \"maybe\" is not accepted; accepted: true or false"
        ),
        ("sts: {credentials: {accessKeyId: a}}", "sidecar.yaml:1 sts.credentials.accessKeyId: credentials need both"),
        (
            "sts: {credentials: {accessKeyId: a, secretAccessKey: b, profile: c}}",
            "sidecar.yaml:1 sts.credentials.accessKeyId: credentials have keys or a profile; give one of the two"
        ),
        (
            "credentials: {secretAccessKey: b, profile: c}",
            "sidecar.yaml:1 credentials.secretAccessKey: credentials have keys or a profile; give one of the two"
        ),
        (
            "credentials: {sessionToken: b, profile: c}",
            "sidecar.yaml:1 credentials.sessionToken: credentials have keys or a profile; give one of the two"
        ),
        (
            "initialPositionInStream: AT_TIMESTAMP\ninitialTimestamp: 9000-01-01T00:00:00Z",
            "sidecar.yaml:2 initialTimestamp: initialTimestamp 9000-01-01T00:00:00.000Z is still to come; accepted: a time"
        ),
        (
            "consumers:\n- {streamName: a, initialPositionInStream: AT_TIMESTAMP, initialTimestamp: 253402300799999}",
            "sidecar.yaml:2 consumers[0]: initialTimestamp 9999-12-31T23:59:59.999Z is still to come; accepted: a time"
        ),
        (
            "endpoint: 'https://x/y?token=hush'",
            "sidecar.yaml:1 endpoint: \"https://x/y?•••\" is not accepted; accepted: an http:// or https:// URL"
        ),
        (
            "dynamoDb: {credentials: {accessKeyId: a, secretAccessKey: b, profile: c}}",
            "sidecar.yaml:1 dynamoDb.credentials.accessKeyId: credentials have keys or a profile"
        ),
        ("local: true\nuseFipsEndpoint: true", "sidecar.yaml:2 useFipsEndpoint: has no effect with --local"),
        ("s3: {bucketName: Items}", "sidecar.yaml:1 s3.bucketName: \"Items\" is not accepted; accepted: 3 to 63"),
        ("s3: {credentials: {accessKeyId: a}}", "sidecar.yaml:1 s3.credentials.accessKeyId: credentials need both"),
        ("s3: {bucketName: 1.2.3.4}", "sidecar.yaml:1 s3.bucketName: \"1.2.3.4\" is not accepted; accepted: 3 to 63"),
        ("s3: {nonS3Keys: []}", "sidecar.yaml:1 s3.nonS3Keys: the list is empty"),
        ("s3: {nonS3Keys: 5}", "sidecar.yaml:1 s3.nonS3Keys: 5 is not text; accepted: names"),
        ("s3:\n  nonS3Keys:\n  - id\n  - true", "sidecar.yaml:4 s3.nonS3Keys: true is not text; accepted: names"),
        ("s3: {allowedBuckets: [a-a, Items]}", "sidecar.yaml:1 s3.allowedBuckets: \"Items\" is not accepted"),
        (
            "s3: {bucketName: items, allowedBuckets: [others]}",
            "sidecar.yaml:1 s3.allowedBuckets: does not have items, s3.bucketName"
        ),
        (
            "useS3ForLargeItems: true\ns3: {allowedBuckets: x-*}\nconsumers: [{streamName: orders}]",
            "sidecar.yaml:2 s3.allowedBuckets: does not have orders, the bucket of the stream orders"
        ),
        (
            "local: true\nuseS3ForLargeItems: true",
            "sidecar.yaml:2 useS3ForLargeItems: useS3ForLargeItems needs s3.endpoint with --local"
        ),
    ])
    func `a mistake in the file is told by its line`(_ file: String, _ text: String) {
        let found = mistakes(file: file)
        #expect(found.contains { $0.hasPrefix(text) }, "\(found)")
        #expect(!found.joined().contains("hush"))
    }

    @Test(arguments: [
        ["-p", "8700"], ["-listen", "8700"], ["serve", "orders", "--local"], ["--nonsense", "a", "b"],
        ["--region", "a", "--region", "b", "--region", "c"], ["--local=maybe", "--local-port", "5"],
    ])
    func `one mistake on the command line is one line`(_ arguments: [String]) {
        let found = mistakes(arguments)
        #expect(found.count == 1, "\(found)")
    }

    @Test(arguments: [
        "s3: {bucketName: A}", "s3: {nonS3Keys: [5]}", "dynamoDb: {tags: {a: [1]}}", "limit: [1, 2]",
        "retryOption: {retries: 3, factor: 2}",
        "consumers: [{steamName: orders, consumerGroup: g}]", "consumers: [{streamName: a, retryOption: {x: 1, y: 2}}]",
        "localPort: 5\nlocal: maybe", "credentials: {accessKeyId: \"\", secretAccessKey: x}", "localPort: 5\nlocal: [",
    ])
    func `one mistake in the file is one line`(_ file: String) {
        let found = mistakes(file: file)
        #expect(found.count == 1, "\(found)")
    }

    @Test(arguments: [
        ("s3: {nonS3Keys: ['5', v1, 1.2.3, -a]}", ["5", "v1", "1.2.3", "-a"]), ("s3: {nonS3Keys: \"true\"}", ["true"]),
    ])
    func `members of an item may be called as one likes, in quotes`(_ file: String, _ names: [String]) {
        let reader = read(file: file)
        #expect(reader.mistakes == [] && reader.settings.s3.nonS3Keys == names)
    }

    @Test(arguments: [
        ("", "*"), ("s3: {bucketName: items}", "items"), ("s3: {bucketName: items, allowedBuckets: '*'}", "*"),
        ("s3: {bucketName: items, allowedBuckets: [items, old-*]}", "items,old-*"),
        ("s3: {allowedBuckets: a-*}", "a-*"),
    ])
    func `items are given out from the bucket that is named, or from those that are allowed`(
        _ file: String, _ allowed: String
    ) {
        let reader = read(file: file)
        #expect(reader.mistakes == [] && reader.settings.s3.allowed.description == allowed)
    }

    @Test func `STS, the endpoints' variant and profiles are options of the program`() throws {
        let file = """
            useFipsEndpoint: true
            accountIdEndpointMode: required
            credentials: {profile: reader}
            sts: {endpoint: "https://sts.example", region: eu-west-1, credentials: {accessKeyId: id, secretAccessKey: s}}
            """
        let reader = read(
            ["--sts-endpoint", "http://127.0.0.1:1"], environment: ["KINESIS_SIDECAR_USE_DUALSTACK_ENDPOINT": "false"],
            file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let settings = reader.settings
        #expect(settings.endpoints == .init(useFIPS: true, useDualStack: false, accountIDMode: .required))
        #expect(settings.credentials.profile == "reader" && settings.sts.credentials.keys?.accessKeyID == "id")
        #expect(settings.sts.endpoint == "http://127.0.0.1:1" && settings.sts.region == "eu-west-1")
    }

    @Test func `the groups' table is described as lifion-kinesis has it`() throws {
        let file = """
            dynamoDb:
              endpoint: http://127.0.0.1:8000
              region: eu-west-1
              tableName: groups
              credentials: {accessKeyId: id, secretAccessKey: hush}
              tags: {team: orders, cost-center: 7}
              provisionedThroughput: {readCapacityUnits: 5, writeCapacityUnits: 6}
            """
        let reader = read(file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let table = reader.settings.dynamoDB
        #expect(table.service.endpoint == "http://127.0.0.1:8000" && table.service.region == "eu-west-1")
        #expect(table.table.text == "groups" && table.capacity == .provisioned(read: 5, write: 6))
        #expect(table.service.credentials.keys?.accessKeyID == "id")
        #expect(table.tags == ["team": "orders", "cost-center": "7"])
        let variables = ["KINESIS_SIDECAR_DYNAMO_DB__TAGS": "team=billing, a="]
        #expect(read(environment: variables, file: file).settings.dynamoDB.tags == ["team": "billing", "a": ""])
        #expect(read().settings.dynamoDB.capacity == .onDemand)
    }

    @Test(
        arguments: [
            ([], true), (["--dynamodb", "off"], false), (["--dynamodb=false"], false), (["--local"], false),
            (["--local", "--dynamodb-endpoint", "http://x"], true),
            (["--local", "--dynamodb-endpoint", "http://x", "--dynamodb", "off"], false),
        ] as [([String], Bool)])
    func `groups are shared in AWS, and with --local where an endpoint of DynamoDB is named`(
        _ arguments: [String], _ isShared: Bool
    ) {
        let reader = read(arguments)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.sharesGroups == isShared)
    }

    @Test(arguments: [
        "dynamoDb: {tags: ['aws:x=y']}", "s3: {tags: [a=1, a=2]}", "tags: {'AWS:x': y}", "tags: [a=1, a=2]",
    ]) func `a tag of AWS's own, and one that comes twice, is refused with the reason`(file: String) {
        let found = mistakes(file: file)
        #expect(found.count == 1)
        #expect(found.first?.contains("each KEY once, and none that begins with aws:") == true, "\(found)")
    }

    @Test func `a moment that has just passed may be begun at`() {
        let file = "initialPositionInStream: AT_TIMESTAMP\ninitialTimestamp: 1000\n"
        func reader(at now: Int64) -> SettingsReader {
            SettingsReader(
                commandLine: CommandLineArguments([]), environment: EnvironmentSettings([]),
                file: ConfigFileSettings(Array(file.utf8), path: "f.yaml"), now: WallTime(milliseconds: now))
        }
        #expect(reader(at: 1000).mistakes.isEmpty)
        #expect(reader(at: 999).mistakes.map(\.description).first?.contains("is still to come") == true)
    }

    @Test func `a table has 50 tags at most`() {
        let tags = (0...OptionKind.mostTags).map { "k\($0)=v" }.joined(separator: ",")
        #expect(mistakes(environment: ["KINESIS_SIDECAR_DYNAMO_DB__TAGS": tags]).count == 1)
    }

    @Test(arguments: ["shardIds: [a, b]", "shardIds: b,a", "shardIds: 'a, b'"])
    func `shards are a list of the file, or stand behind commas`(file: String) {
        let reader = read(
            file: file + "\nconsumers: [{streamName: s, \(file.contains("[") ? "shardIds: [c]" : "limit: 1")}]")
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.consumerDefaults.shardIDs.sorted().map(\.text) == ["a", "b"])
    }

    @Test func `a file that cannot be read is the one mistake`() {
        let unreadable = Mistake(nil, "a.yaml cannot be read")
        let reader = SettingsReader(
            commandLine: CommandLineArguments(["--local-port", "5"]), environment: EnvironmentSettings([]), file: nil,
            unreadable: unreadable)
        #expect(reader.mistakes == [unreadable])
    }

    @Test func `a name that was mistyped is suggested, with one dash and in an entry of consumers too`() {
        #expect(mistakes(["-listen", "8700"]) == ["\"-listen\" is no option; did you mean --listen?"])
        let found = mistakes(file: "consumers: [{steamName: orders}]")
        #expect(found.first?.hasSuffix("there is no option steamName; did you mean streamName?") == true, "\(found)")
    }

    @Test(arguments: [
        ("unixSocketMode: '0600'", "needs a Unix socket"), ("unixSocketOwner: root", "needs a Unix socket"),
        ("local: true\ndataDir: d\nlocalMemoryLimit: 64000000", "has no effect with dataDir"),
        ("useEnhancedFanOut: true\nusePausedPolling: true", "does not go with usePausedPolling"),
        (
            "useEnhancedFanOut: true\nconsumers: [{streamName: s, usePausedPolling: true}]",
            "does not go with usePausedPolling"
        ),
        ("tls: {certificateFile: c}", "needs both"), ("tls: {clientCAFile: c}", "needs tls.certificateFile"),
    ]) func `an option that would have no effect is refused`(file: String, words: String) {
        let found = mistakes(file: file)
        #expect(found.count == 1 && found[0].contains(words), "\(found)")
    }

    @Test func `a port alone is that of both loopbacks`() {
        #expect(read(["--listen", "8800"]).settings.listen.map(\.description) == ["127.0.0.1:8800", "[::1]:8800"])
        #expect(read(file: "listen: 8800").settings.listen.count == 2)
        #expect(read(["--listen", "0", "--listen", "127.0.0.1:5"]).settings.listen.count == 3)
        for bad in ["87000", "", ":8700", "a"] { #expect(mistakes(["--listen", bad]).count == 1, "\(bad)") }
    }

    @Test(arguments: [("help", CommandLineArguments.Action.help), ("version", .version)])
    func `what the program is to do may stand first without dashes`(
        _ word: String, _ action: CommandLineArguments.Action
    ) {
        #expect(CommandLineArguments([word]).action == action)
        #expect(CommandLineArguments([word]).mistakes.isEmpty)
        #expect(CommandLineArguments(["--local", word]).mistakes.count == 1)
    }

    @Test func `truth values are taken as shells and generated clients write them`() {
        #expect(read(["--local=True"]).settings.isLocal)
        #expect(read(environment: ["KINESIS_SIDECAR_LOCAL": "1"]).settings.isLocal)
        let settings = read(["--local"], file: "createStreamIfNeeded: 'False'\nuseAutoCheckpoints: 0").settings
        #expect(!settings.createsUnlistedStreams)
        #expect(!settings.consumerDefaults.useAutoCheckpoints)
    }

    @Test func `a host may be every name below another`() {
        #expect(read(file: "allowedHosts: ['*.svc.cluster.local']").settings.allowedHosts == ["*.svc.cluster.local"])
        for bad in ["*", "*.", "a.*.b", "*a.b"] {
            #expect(mistakes(environment: ["KINESIS_SIDECAR_ALLOWED_HOSTS": bad]).count == 1, "\(bad)")
        }
    }

    @Test func `every mistake is told, each once`() {
        let found = mistakes(
            ["--log-level", "loud", "--nonsense"], environment: ["KINESIS_SIDECAR_LIMIT": "x"], file: "pollDelay: -1\n")
        #expect(found.count == 4)
    }

    @Test func `a secret is never part of a mistake`() {
        let found = mistakes(environment: [
            "KINESIS_SIDECAR_CREDENTIALS__SECRET_ACCESS_KEY": "hush\u{1}hush",
            "KINESIS_SIDECAR_CREDENTIALS__ACCESS_KEY_ID": "key",
        ])
        #expect(!found.isEmpty && found.allSatisfy { !$0.contains("hush") })
    }

    @Test func `what stands for a secret is none, and a URL with a password is not repeated`() {
        let masked = mistakes(file: "credentials:\n  accessKeyId: key\n  secretAccessKey: •••\n")
        #expect(masked.count == 1 && masked[0].contains("•••"))
        let found = mistakes(["--endpoint", "http://user:hush@host/"])
        #expect(found.count == 1 && !found[0].contains("hush"))
    }

    @Test func `an option that is no flag says where it is taken`() {
        let found = mistakes(["--use-s3-for-large-items", "true"])
        let place = "set KINESIS_SIDECAR_USE_S3_FOR_LARGE_ITEMS, or useS3ForLargeItems in the configuration file"
        #expect(found.contains { $0.contains(place) }, "\(found)")
    }

    @Test func `what Kubernetes sets for a service of our name is not ours`() {
        let variables = [
            "KINESIS_SIDECAR_SERVICE_HOST": "10.0.0.1", "KINESIS_SIDECAR_SERVICE_PORT": "8700",
            "KINESIS_SIDECAR_PORT": "tcp://10.0.0.1:8700", "KINESIS_SIDECAR_PORT_8700_TCP_ADDR": "10.0.0.1",
        ]
        #expect(mistakes(environment: variables).isEmpty)
    }

    @Test func `listed consumers keep their own options`() throws {
        let file = """
            shardCount: 3
            consumers:
              - streamName: orders
                consumerGroup: billing
                limit: 7
                retryOptions: {retries: 4}
              - streamName: orders
                createStreamIfNeeded: false
              - {streamName: mine, createStreamIfNeeded: false}
            """
        let reader = read(file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let options = reader.settings.consumers.map { $0.options.applied(to: reader.settings.consumerDefaults) }
        #expect(options.map(\.consumerGroup) == ["billing", "kinesis-sidecar", "kinesis-sidecar"])
        #expect(options.map(\.limit) == [7, 10_000, 10_000])
        #expect(options.map(\.retry.retries)[0] == 4)
        #expect(reader.settings.capacity(of: StreamName("orders")!) == .provisioned(shards: 3))
        #expect(reader.settings.capacity(of: StreamName("mine")!) == nil)
        #expect(reader.settings.capacity(of: StreamName("other")!) == nil)
    }

    @Test(
        arguments: [
            ([], nil, nil), (["--local"], nil, 1), (["--local"], "createStreamIfNeeded: false", nil),
            ([], "createStreamIfNeeded: true\nshardCount: 2", 2),
        ] as [([String], String?, Int?)])
    func `a stream that only a URL names is created where configuration says so`(
        _ arguments: [String], _ file: String?, _ shards: Int?
    ) {
        let capacity = read(arguments, file: file).settings.capacity(of: StreamName("any")!)
        #expect(capacity == shards.map { .provisioned(shards: $0) })
    }

    private let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"

    @Test func `a stream is listed by its name, its ARN, or both`() {
        let file = """
            consumers:
              - {streamName: '\(arn)', consumerGroup: a}
              - {streamArn: '\(arn)', consumerGroup: b}
              - {streamName: orders, streamArn: '\(arn)', consumerGroup: c}
              - {streamArn: '\(arn)', streamName: orders, consumerGroup: d}
              - {streamName: orders}
            """
        let reader = read(file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.consumers.map(\.stream.text) == [arn, arn, arn, arn, "orders"])
        #expect(reader.settings.capacity(of: reader.settings.consumers[0].stream) == nil, "CreateStream takes no ARN")
    }

    @Test(arguments: [
        ("{streamArn: orders}", "streamArn", "arn:aws:kinesis"),
        ("{streamName: 'arn:aws:kinesis:eu-west-1:1:stream/orders'}", "streamName", "123456789012"),
        ("{streamName: audit, streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s'}", "streamArn", "audit"),
    ])
    func `a stream that is none, or two, is refused`(entry: String, option: String, told: String) {
        let mistakes = mistakes(file: "consumers:\n  - \(entry)\n")
        #expect(mistakes.count == 1 && mistakes[0].contains(option) && mistakes[0].contains(told), "\(mistakes)")
    }

    @Test(
        arguments: [
            ("tags: {team: orders, stage: test}", [:]), ("tags: [team=orders, stage=test]", [:]),
            ("tags: team=orders,stage=test", [:]), (nil, ["KINESIS_SIDECAR_TAGS": "team=orders, stage=test"]),
        ] as [(String?, [String: String])])
    func `tags are a mapping, a list, or a text with commas`(file: String?, environment: [String: String]) {
        let reader = read(environment: environment, file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.consumerDefaults.tags == ["team": "orders", "stage": "test"])
    }

    @Test(arguments: [
        ("tags: {team: 'a,b'}", "tags"), ("tags: {'aws:x': y}", "tags"), ("tags: [a=1, a=2]", "tags"),
        ("encryption: {type: KMS}", "encryption.type"), ("encryption: {keyId: k}", "encryption.keyId"),
        ("encryption: {type: AES, keyId: k}", "encryption.type"), ("encryption: {key: k}", "encryption.key"),
        ("streamMode: on-demand", "streamMode"), ("{streamMode: ON_DEMAND, shardCount: 2}", "shardCount"),
        ("shardCount: 2\nconsumers: [{streamName: s, encryption: {type: KMS}}]", "consumers[0]"),
    ])
    func `what a stream cannot be given is refused by its name`(file: String, option: String) {
        let mistakes = mistakes(file: file)
        #expect(mistakes.count == 1 && mistakes[0].contains(option), "\(mistakes)")
    }

    @Test func `a stream on demand, encrypted and tagged, is configuration`() {
        let file = """
            streamMode: ON_DEMAND
            encryption: {type: KMS, keyId: alias/aws/kinesis}
            consumers:
              - {streamName: orders, tags: {team: a}}
              - {streamName: audit, streamMode: PROVISIONED, shardCount: 2}
            """
        let reader = read(file: file)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.capacity(of: StreamName("orders")!) == .onDemand)
        #expect(reader.settings.capacity(of: StreamName("audit")!) == .provisioned(shards: 2))
        let orders = reader.settings.consumers[0].options.applied(to: reader.settings.consumerDefaults)
        #expect(orders.tags == ["team": "a"] && orders.encryptionKeyID == "alias/aws/kinesis")
    }

    @Test func `help names every option that is there`() {
        for name in ProgramOption.all { #expect(Help.text.contains(name.dashedFlag ?? name.name)) }
        for option in ["putTimeout=TIME", "maxPutBytes=SIZE", "--config-schema"] { #expect(Help.text.contains(option)) }
        for line in Help.text.split(separator: "\n") { #expect(line.count <= 120) }
    }
}
