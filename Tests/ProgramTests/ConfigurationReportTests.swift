import Testing

@testable import kinesis_sidecar

@Suite struct ConfigurationReportTests {
    @Test func `every value stands beside where it came from, and a secret is hidden`() {
        let file = ConfigFileSettings(
            Array("limit: 5\npollDelay: 9\ncredentials: {accessKeyId: id, secretAccessKey: hush}\n".utf8),
            path: "f.yaml")
        let reader = SettingsReader(
            commandLine: CommandLineArguments(["--log-level", "debug"]),
            environment: EnvironmentSettings([("KINESIS_SIDECAR_LIMIT", "7")]), file: file)
        let report = ConfigurationReport(reader, target: nil)
        for line in [
            ConfigurationReport.Line(name: "logLevel", value: "debug", source: "command line --log-level"),
            .init(name: "limit", value: "7", source: "environment KINESIS_SIDECAR_LIMIT"),
            .init(name: "pollDelay", value: "9", source: "f.yaml:2"),
            .init(name: "credentials.secretAccessKey", value: "•••", source: "f.yaml:3"),
            .init(name: "noRecordsPollDelay", value: "1000", source: "default"),
        ] {
            #expect(report.lines.contains(line), "\(line)")
        }
        #expect(!report.text.contains("hush"))
    }

    @Test(arguments: [
        [], ["--local-listen", "0.0.0.0:1"], ["--data-dir", "d"], ["--listen", "unix:/s", "--local-stream", "a:2"],
    ]) func `what is printed can be read as a configuration again`(more: [String]) throws {
        let file = ConfigFileSettings(
            Array("consumerGroup: \"it's # 5: [x]\"\nconsumers:\n  - {streamName: s, consumerGroup: '- a'}\n".utf8),
            path: "f.yaml")
        let first = SettingsReader(
            commandLine: CommandLineArguments(["--local"] + more), environment: EnvironmentSettings([]), file: file)
        let printed = ConfigurationReport(first, target: nil).text
        let second = SettingsReader(
            commandLine: CommandLineArguments([]), environment: EnvironmentSettings([]),
            file: ConfigFileSettings(Array(printed.utf8), path: "printed.yaml"))
        #expect(second.mistakes.isEmpty, "\(second.mistakes)")
        #expect(second.settings.consumerDefaults == first.settings.consumerDefaults)
        #expect(second.settings.consumers.map(\.options) == first.settings.consumers.map(\.options))
    }
}
