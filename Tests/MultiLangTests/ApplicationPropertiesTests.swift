import Consumer
import MultiLang
import Testing

@Suite struct ApplicationPropertiesTests {
    private static let required = "executableName=app\nstreamName=orders\napplicationName=g\n"

    private func read(_ more: String, after head: String = required) throws -> ApplicationProperties {
        ApplicationProperties(try PropertiesFile(Array((head + more).utf8)))
    }

    /// What a property becomes, beside the required ones: `option=text`.
    private func options(_ more: String) throws -> [String] {
        let application = try read(more)
        #expect(application.faults.isEmpty, "\(application.faults)")
        return application.settings.dropFirst().map { "\($0.place.name)=\($0.text)" }
    }

    @Test func `a program, a stream and a name are what an application needs`() throws {
        let application = try read(
            "", after: "executableName =  python3  app.py  -v \nstreamName=orders\napplicationName=g\n")
        #expect(application.faults.isEmpty)
        #expect(application.command == ["python3", "app.py", "-v"])
        #expect(application.stream?.text == "orders")
        #expect(application.settings.map(\.place) == [.consumer("consumerGroup")])
        #expect(try read("", after: "a=b").faults.map(\.key) == ["executableName", "streamName", "applicationName"])
        #expect(try read("", after: "executableName=\nstreamName= \napplicationName=").faults.count == 3)
    }

    @Test func `an ARN goes before a name`() throws {
        let application = try read("streamArn=arn:aws:kinesis:eu-central-1:123456789012:stream/audit\n")
        #expect(application.stream?.arn?.name.text == "audit")
        #expect(
            application.readings.contains { $0.key == "streamName" && $0.outcome == .nothing("streamArn goes first") })
        #expect(try read("streamArn=orders\n").faults.map(\.line) == [4])
    }

    @Test(arguments: [
        ("failoverTimeMillis=10000", ["leaseDuration=10s"]),
        ("failoverTimeMillis=5500", ["leaseDuration=5500ms"]),
        ("failoverTimeMillis=0", []),
        ("maxRecords=500", ["limit=500"]),
        ("pollingConfig.maxRecords=500", ["limit=500"]),
        ("maxRecords=500\npollingConfig.maxRecords=500", ["limit=500"]),
        ("maxRecords=0", []),
        ("idleTimeBetweenReadsInMillis=1000", ["pollDelay=1s", "noRecordsPollDelay=1s"]),
        ("initialPositionInStream=trim_horizon", ["initialPositionInStream=TRIM_HORIZON"]),
        (
            "initialPositionInStreamExtended=1700000000",
            ["initialPositionInStream=AT_TIMESTAMP", "initialTimestamp=1700000000000"]
        ),
        (
            "initialPositionInStream=AT_TIMESTAMP\ntimestampAtInitialPositionInStream=1",
            ["initialPositionInStream=AT_TIMESTAMP", "initialTimestamp=1000"]
        ),
        ("retrievalMode=FANOUT", ["useEnhancedFanOut=true"]),
        ("retrievalMode=polling", ["useEnhancedFanOut=false"]),
        ("retrievalMode=DEFAULT", []),
        ("timeoutInSeconds=5", ["timeout=5s"]),
        ("shutdownGraceMillis=0", ["shutdownGrace=0ms"]),
        ("shutdownGraceMillis=20000", ["shutdownGrace=20s"]),
        ("callProcessRecordsEvenForEmptyRecordList=Yes", ["callProcessRecordsEvenForEmptyRecordList=true"]),
        ("regionName=eu-west-1 ", ["region=eu-west-1"]),
        (
            "kinesisEndpoint=kinesis.eu-west-1.amazonaws.com",
            ["kinesis.endpoint=https://kinesis.eu-west-1.amazonaws.com"]
        ),
        ("kinesisClient.endpointOverride=http://h:1", ["kinesis.endpoint=http://h:1"]),
        ("dynamoDBEndpoint=http://h:1", ["dynamoDb.endpoint=http://h:1"]),
        ("regionName=", []),
        ("metricsLevel=NONE", []),
        ("regionName=a\nregionName=b", ["region=b"]),
    ])
    func `a property becomes options`(text: String, expected: [String]) throws {
        #expect(try options(text) == expected)
    }

    @Test(arguments: [
        ("failoverTimeMillis=4000", "leaseDuration=5s", "leaseDuration is 5s at least"),
        ("failoverTimeMillis=99999999", "leaseDuration=3600s", "leaseDuration is 3600s at most"),
        ("idleTimeBetweenReadsInMillis=100", "noRecordsPollDelay=250ms", "noRecordsPollDelay is 250ms at least"),
        ("timeoutInSeconds=99999999999", "timeout=2147483647ms", "timeout is 2147483647ms at most"),
        ("timeoutInSeconds=9223372036854775807", "timeout=2147483647ms", "timeout is 2147483647ms at most"),
    ])
    func `a time that the option does not take becomes the nearest, which is told`(
        text: String, expected: String, note: String
    ) throws {
        let application = try read(text)
        #expect(application.settings.contains { "\($0.place.name)=\($0.text)" == expected })
        guard case .became(_, let told) = application.readings.last?.outcome else {
            Issue.record("\(application.readings)")
            return
        }
        #expect(told == note)
    }

    @Test(arguments: [
        ("failoverTimeMillis=10s", "whole milliseconds"),
        ("failoverTimeMillis=-1", "whole milliseconds"),
        ("failoverTimeMillis=99999999999999999999", "whole milliseconds"),
        ("maxRecords=10001", "1 to 10000"),
        ("maxRecords=many", "1 to 10000"),
        ("timeoutInSeconds=0", "whole seconds, from 1"),
        ("initialPositionInStream=AT_TIMESTAMP", "initialPositionInStreamExtended"),
        ("initialPositionInStreamExtended=2026-01-01", "seconds since 1970"),
        ("initialPositionInStreamExtended=9223372036854775807", "seconds since 1970"),
        ("retrievalMode=PUSH", "POLLING, FANOUT or DEFAULT"),
        ("callProcessRecordsEvenForEmptyRecordList=maybe", "true or false"),
        ("streamName=a b", "letters, digits"),
        ("maxRecords=1\npollingConfig.maxRecords=2", "maxRecords on line 4 says another limit"),
        ("regionName=a\nkinesisClient.region=b", "regionName on line 4 says another region"),
        ("AwsCredentialsProviderDynamoDB.class=x", "DefaultCredentialsProvider"),
    ])
    func `a wrong value is told with its line and what is accepted`(text: String, expected: String) throws {
        let faults = try read(text).faults
        #expect(faults.count == 1 && faults[0].problem.contains(expected), "\(faults)")
        #expect(faults.first?.line == 3 + text.split(separator: "\n").count)
    }

    @Test func `what KCL does not know is told, with what was meant`() throws {
        let application = try read("retrivalMode=FANOUT\nfoo.bar=secret\n")
        #expect(application.faults.isEmpty)
        #expect(
            application.readings.suffix(2).map(\.description) == [
                "retrivalMode=… has no effect: KCL has no such property; did you mean retrievalMode?",
                "foo.bar=… has no effect: KCL has no such property",
            ])
    }

    @Test func `who was pushed records without saying so is told that they are polled`() throws {
        #expect(try read("").remarks.count == 1)
        #expect(try read("retrievalMode=DEFAULT").remarks.count == 1)
        for decided in ["retrievalMode=POLLING", "retrievalMode=FANOUT", "maxRecords=5", "pollingConfig.maxRecords=5"] {
            #expect(try read(decided).remarks.isEmpty, "\(decided)")
        }
    }

    @Test func `a line that is said anew counts no more, and each property is told once`() throws {
        let application = try read("maxRecords=wrong\nmaxRecords=7\nexecutableName=other\n")
        #expect(application.faults.isEmpty && application.command == ["other"])
        #expect(application.readings.first { $0.line == 4 }?.outcome == .nothing("line 5 says it anew"))
        #expect(application.readings.count == 6)
    }
}
