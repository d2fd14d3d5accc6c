import Client
import Kinesis
import MultiLang
import State
import Testing
import Time

@testable import kinesis_sidecar

@Suite struct ImportOptionsTests {
    private static let command = ClientCommand.named("import-kcl")!

    private static let file = """
        executableName = app.py
        streamName = orders
        applicationName = billing
        failoverTimeMillis = 20000
        initialPositionInStreamExtended = 1700000000
        """

    private func options(_ words: [String], file: String? = nil) throws -> ImportOptions {
        let values = try CommandValues(words, of: Self.command)
        let place = ["--dynamodb=off", "--data-dir=d"]
        let configuration = Configuration.read(ClientCommand.serverArguments(values) + place)
        let application = try file.map { ApplicationProperties(try PropertiesFile(Array($0.utf8))) }
        return try ImportOptions(values, configuration, application)
    }

    @Test func `the server's flags of the command are the server's`() throws {
        let words = Self.command.options.map { "--\($0.name)=x" }
        let others = ["--help", "--dry-run", "--force", "--dynamodb"]
        let given = words.filter { !others.contains(String($0.dropLast(2))) } + ["--dynamodb=on"]
        let arguments = ClientCommand.serverArguments(try CommandValues(given, of: Self.command))
        #expect(arguments.contains("--data-dir=x") && arguments.contains("--consumer-group=x"))
        for argument in arguments {
            let flag = String(argument.dropFirst(2).prefix { $0 != "=" })
            #expect(CommandLineArguments.flags.contains(flag), "\(argument)")
        }
    }

    @Test func `what is not said is KCL's default`() throws {
        let options = try options(["--table", "billing", "--stream", "orders"])
        #expect(options.table.text == "billing" && options.moment == nil && !options.isDryRun && !options.isForced)
        // The application's own name.
        #expect(options.key == ConsumerKey(stream: StreamName("orders")!, group: "billing"))
        #expect(options.failoverTime == .seconds(10))
    }

    @Test func `a properties file says what the command line does not`() throws {
        let options = try options([], file: Self.file)
        #expect(options.table.text == "billing")
        #expect(options.key == ConsumerKey(stream: StreamName("orders")!, group: "billing"))
        #expect(options.failoverTime == .seconds(20))
        #expect(options.moment == WallTime(milliseconds: 1_700_000_000_000))
        let named = try self.options([], file: Self.file + "\ntableName=leases")
        #expect(named.table.text == "leases" && named.key.group == "billing")
        let other = try self.options(
            ["--table=other", "--stream=returns", "-g", "g", "--failover-time=1s", "--timestamp=1000"], file: Self.file)
        #expect(other.table.text == "other" && other.failoverTime == .seconds(1))
        #expect(other.key == ConsumerKey(stream: StreamName("returns")!, group: "g"))
        #expect(other.moment == WallTime(milliseconds: 1000))
    }
}
