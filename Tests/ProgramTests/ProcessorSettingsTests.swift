import Consumer
import MultiLang
import Testing

@testable import kinesis_sidecar

@Suite struct ProcessorSettingsTests {
    private func read(
        _ arguments: [String] = [], environment: [(String, String)] = [], file: String = "", properties: String...
    ) -> SettingsReader {
        SettingsReader(
            commandLine: CommandLineArguments(arguments), environment: EnvironmentSettings(environment),
            file: ConfigFileSettings(Array(file.utf8), path: "f.yaml"),
            properties: properties.enumerated().map {
                PropertiesSettings(Array($0.element.utf8), path: "\($0.offset + 1).properties")
            })
    }

    private func application(_ more: String = "", stream: String = "orders") -> String {
        "executableName=app -v\nstreamName=\(stream)\napplicationName=g\n" + more
    }

    // MARK: Properties

    @Test func `a file is one application, which reads with its own options before the configuration's`() throws {
        let reader = read(
            ["--local"], file: "leaseDuration: 20s\nlimit: 7\n",
            properties: application("failoverTimeMillis=10000\ntimeoutInSeconds=3\nshutdownGraceMillis=0\n"))
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let processor = try #require(reader.settings.processors.first)
        #expect(processor.command == ["app", "-v"] && processor.stream.text == "orders")
        #expect(processor.timeout == .seconds(3) && processor.shutdownGrace == .zero)
        let options = processor.options.applied(to: reader.settings.consumerDefaults)
        #expect(options.consumerGroup == "g" && options.leaseDuration == .seconds(10) && options.limit == 7)
    }

    @Test func `a stream that only a properties file names is created with --local, or where all are`() throws {
        let capacity = { (reader: SettingsReader) in
            reader.settings.capacity(of: reader.settings.processors[0].stream)
        }
        #expect(capacity(read(properties: application())) == nil)
        #expect(capacity(read(["--local"], properties: application())) != nil)
        #expect(capacity(read(file: "createStreamIfNeeded: true", properties: application())) != nil)
    }

    @Test func `what a file says of the process goes behind all other layers`() {
        let text = application("regionName=eu-west-1\nkinesisEndpoint=http://h:1\n")
        #expect(read(properties: text).settings.region == "eu-west-1")
        let reader = read(["--region", "us-east-1"], file: "kinesis.endpoint: http://other", properties: text)
        #expect(reader.settings.region == "us-east-1" && reader.settings.kinesisEndpoint == "http://other")
        #expect(
            reader.properties[0].readings.suffix(2).map(\.outcome) == [
                .nothing("command line --region goes first"), .nothing("f.yaml:1 goes first"),
            ])
    }

    @Test func `keys of a higher layer take the place of a file's profile`() {
        let text = application("AwsCredentialsProvider=ProfileCredentialsProvider|p\n")
        #expect(read(properties: text).settings.credentials.profile == "p")
        let reader = read(file: "credentials: {accessKeyId: i, secretAccessKey: s}", properties: text)
        #expect(reader.mistakes.isEmpty && reader.settings.credentials.profile == nil)
    }

    @Test func `a value that is not looked at is checked all the same`() {
        let reader = read(["--region", "us-east-1"], properties: application("regionName=No Where\n"))
        #expect(reader.mistakes.count == 1 && "\(reader.mistakes)".contains("1.properties:4 regionName: \"No Where\""))
        #expect(reader.settings.region == "us-east-1")
    }

    @Test func `with --local what names AWS has no effect, and groups are shared where a table is named`() {
        let reader = read(
            ["--local"],
            properties: application(
                "regionName=eu-west-1\nkinesisEndpoint=http://h:1\nAwsCredentialsProvider=ProfileCredentialsProvider|p\n"
                    + "dynamoDBRegionName=eu-west-1\n"))
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        #expect(reader.settings.region == nil && reader.settings.credentials.profile == nil)
        #expect(!reader.settings.sharesGroups)
        #expect(
            reader.properties[0].readings.suffix(4).allSatisfy {
                $0.outcome == .nothing("AWS is not asked with --local")
            })
        #expect(
            read(["--local"], properties: application("dynamoDBRegionName=a\ndynamoDBEndpoint=http://h:1\n"))
                .settings.sharesGroups)
        #expect(read(properties: application()).settings.sharesGroups)
    }

    @Test func `two files may not contradict each other about the process`() {
        let reader = read(
            properties: application("regionName=eu-west-1"), application("regionName=us-east-1", stream: "b"))
        #expect(reader.mistakes.count == 1)
        let text = "\(reader.mistakes)"
        #expect(text.contains("2.properties:4 regionName") && text.contains("1.properties:4 regionName"))
        let same = read(
            properties: application("regionName=eu-west-1"), application("regionName=eu-west-1", stream: "b"))
        #expect(same.mistakes.isEmpty && same.settings.processors.count == 2)
    }

    @Test func `a group reads a stream once`() {
        for reader in [
            read(properties: application(), application()),
            read(file: "consumers: [{streamName: orders, consumerGroup: g}]", properties: application()),
            read(file: "processors: [{command: a, streamName: orders, consumerGroup: g}]", properties: application()),
            read(
                file: "processors: [{command: a, streamName: s, consumerGroup: g}]\n"
                    + "consumers: [{streamName: s, consumerGroup: g}]"),
        ] {
            #expect(reader.mistakes.count == 1 && "\(reader.mistakes)".contains("is listed twice, also at "))
        }
        let two = read(file: "consumers: [{streamName: orders, consumerGroup: other}]", properties: application())
        #expect(two.mistakes.isEmpty)
    }

    @Test func `mistakes name the file, the line and the key`() {
        let texts = read(properties: application("maxRecords=0x5\n") + "a=\\u1", "executableName=a\nstreamName=s\n")
            .mistakes
            .map(\.description)
        #expect(
            texts == [
                "1.properties:5: \\u needs four hexadecimal digits behind it",
                "2.properties: applicationName is missing: the consumer group",
            ])
    }

    @Test func `a grace that is longer than the drain is told`() {
        let reader = read(properties: application("retrievalMode=POLLING\nshutdownGraceMillis=30000"))
        #expect(reader.mistakes.isEmpty && reader.properties[0].remarks.count == 1)
        #expect(
            read(file: "drainTimeout: 40s", properties: application("retrievalMode=POLLING\nshutdownGraceMillis=30000"))
                .properties[0].remarks.isEmpty)
    }

    @Test func `the files are named by the highest layer that names any`() {
        let environment = EnvironmentSettings([("KINESIS_SIDECAR_MULTILANG", "a, b")])
        let file = ConfigFileSettings(Array("multilang: [c, d]".utf8), path: "f.yaml")
        let none = CommandLineArguments([])
        #expect(SettingsReader.multilang(none, environment, file) == ["a", "b"])
        #expect(SettingsReader.multilang(none, EnvironmentSettings([]), file) == ["c", "d"])
        let flags = CommandLineArguments(["--multilang", "e", "--multilang=f"])
        #expect(SettingsReader.multilang(flags, environment, file) == ["e", "f"])
        #expect(SettingsReader.multilang(none, EnvironmentSettings([]), nil) == [])
    }

    // MARK: YAML

    @Test func `an entry of processors has a command, a stream and options of both kinds`() throws {
        let reader = read(
            file: """
                processors:
                  - command: python3  app.py -v
                    streamName: orders
                    limit: 5
                    timeout: 1m
                    shutdownGrace: 0
                    maxChildRestarts: 2
                    callProcessRecordsEvenForEmptyRecordList: true
                  - {command: [/opt/my app/run, 8], streamArn: 'arn:aws:kinesis:eu-central-1:123456789012:stream/a'}
                """)
        #expect(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let processors = reader.settings.processors
        try #require(processors.count == 2)
        #expect(processors[0].command == ["python3", "app.py", "-v"] && processors[0].timeout == .seconds(60))
        #expect(processors[0].shutdownGrace == .zero && processors[0].maxChildRestarts == 2)
        #expect(processors[0].callsForEmptyBatches)
        #expect(processors[0].options.applied(to: ConsumerOptions()).limit == 5)
        #expect(processors[1].command == ["/opt/my app/run", "8"] && processors[1].stream.isARN)
    }

    @Test(arguments: [
        ("{streamName: s}", "the entry has no command"),
        ("{command: a}", "the entry has no streamName"),
        ("{command: ' ', streamName: s}", "processors[0].command: has no value"),
        ("{command: [], streamName: s}", "processors[0].command: the list is empty"),
        ("{command: a, streamName: s, useAutoCheckpoints: true}", "checkpoints by itself"),
        ("{command: a, streamName: s, usePausedPolling: true}", "when it has answered the last one"),
        ("{command: a, streamName: s, timeout: 0}", "milliseconds from 1"),
        ("{command: a, streamName: s, timeuot: 5}", "did you mean timeout?"),
        ("{command: a, streamName: s, region: eu-west-1}", "an option of the whole process"),
        ("{command: a, streamName: s, maxChildRestarts: [1, 2]}", "takes one value"),
    ])
    func `a mistake in an entry is told`(entry: String, expected: String) {
        let mistakes = read(file: "processors:\n  - \(entry)\n").mistakes.map(\.description)
        #expect(mistakes.count == 1 && mistakes[0].contains(expected), "\(mistakes)")
    }

    @Test func `batches are as long as one turn encodes, unless the entry or the configuration says another length`()
        throws
    {
        let entry = "processors: [{command: a, streamName: s}]\n"
        let own = "processors: [{command: a, streamName: s, maxEventBytes: 2000}]\nmaxEventBytes: 5000\n"
        let lengths = [entry, entry + "maxEventBytes: 5000\n", own].map { file in
            let settings = read(file: file).settings
            return settings.processors.first?.options.applied(to: settings.consumerDefaults).maxEventBytes
        }
        #expect(lengths == [ProcessorOptions.batchBytes, 5000, 2000])
    }

    @Test func `children cannot have more time at the end than the process`() {
        func file(_ drainTimeout: String) -> String {
            "drainTimeout: \(drainTimeout)\nprocessors: [{command: a, streamName: s, shutdownGrace: 5s}]"
        }
        // A tenth is for the last commits, and 4 s are for ends by SIGTERM and SIGKILL.
        let mistakes = read(file: file("9s")).mistakes.map(\.description)
        #expect(mistakes.count == 1 && mistakes[0].contains("drainTimeout leaves 8100 ms"))
        #expect(read(file: file("10s")).mistakes.isEmpty)
        // What nobody wrote is no mistake.
        #expect(read(file: "drainTimeout: 3s\nprocessors: [{command: a, streamName: s}]").mistakes.isEmpty)
    }

    @Test func `a consumer has no options of processors`() {
        let mistakes = read(file: "consumers: [{streamName: s, timeout: 5}]").mistakes.map(\.description)
        #expect(mistakes.count == 1 && mistakes[0].contains("there is no option timeout"))
    }

    // MARK: What is printed

    @Test func `what is printed has each processor and each property, and can be read again`() throws {
        let first = read(
            ["--multilang", "1.properties"], file: "processors: [{command: [a, \"it's\"], streamName: s, timeout: 5s}]",
            properties: application(
                "regionName=eu-west-1\nfailoverTimeMillis=10000\nmetricsLevel=NONE\nworkerid=x\\ny\n"))
        #expect(first.mistakes.isEmpty, "\(first.mistakes)")
        let printed = ConfigurationReport(first, target: nil).text
        #expect(printed.contains("# 1.properties:5  failoverTimeMillis=10000 → leaseDuration=10s\n"))
        #expect(printed.contains("# 1.properties:6  metricsLevel=NONE has no effect: metrics are at /metrics"))
        #expect(!printed.contains("multilang:"))
        let second = SettingsReader(
            commandLine: CommandLineArguments([]), environment: EnvironmentSettings([]),
            file: ConfigFileSettings(Array(printed.utf8), path: "printed.yaml"))
        #expect(second.mistakes.isEmpty, "\(second.mistakes)")
        #expect(second.settings.processors == first.settings.processors)
        #expect(second.settings.region == "eu-west-1")
    }

    @Test func `the log names what has no effect, and what was meant`() {
        let reader = read(properties: application("metricsLevel=NONE\nretrivalMode=x\nfailoverTimeMillis=1\n"))
        #expect(reader.properties[0].withoutEffect == ["metricsLevel", "retrivalMode (did you mean retrievalMode?)"])
        #expect(reader.properties[0].departures.count == 2)
    }

    @Test func `each option of the process that a property gives is one`() {
        for row in PropertyRow.all {
            switch row.meaning {
            case .options(let places, _):
                for case .process(let name) in places { #expect(ProgramOption.named(name) != nil, "\(name)") }
            case .credentials(let mapping):
                for name in CredentialsSettings.names(of: mapping) {
                    #expect(ProgramOption.named(name) != nil, "\(name)")
                }
            case .command, .stream, .nothing, .refused: break
            }
        }
    }
}
