import JSON
import MultiLang
import TestSupport
import Testing

/// The properties with which the daemons of Tests/Recordings/multilang ran.
@Suite struct RecordedPropertiesTests {
    private static let names = [
        "01-sample-processor", "02-checkpoint-variants", "03-checkpoint-throttled",
        "04-checkpoint-throttled-lease-lost", "05-lease-lost", "06-shard-ended", "07-shard-ended-no-checkpoint",
        "08-shutdown-requested", "09-shutdown-requested-while-busy", "10-graceful-handoff", "11-child-crashes",
        "12-child-crashes-in-initialize", "13-child-hangs", "14-processor-raises", "15-stdout-noise",
        "16-unknown-action", "17-wrong-status", "18-stderr", "19-empty-batches",
    ]

    @Test(arguments: names) func `each recorded daemon's file is taken whole`(name: String) throws {
        let recording = try JSONParser.parse(
            String(decoding: testFile("Recordings/multilang/\(name).json").array, as: UTF8.self))
        let properties = try #require(recording["properties"]?.object)
        #expect(properties.count >= 14)
        // As the daemon's file had them; only the port was written down as a word.
        let text = properties.map { "\($0.key) = \(($0.value.string ?? "").replacing("PORT", with: "4567"))\n" }
            .joined()
        let application = ApplicationProperties(try PropertiesFile(Array(text.utf8)))
        #expect(application.faults.isEmpty, "\(application.faults)")
        #expect(application.remarks.isEmpty)
        #expect(application.readings.map(\.key) == properties.map(\.key))
        #expect(application.command == ["PYTHON", "WRAPPER", "PYTHON", "PROCESSOR"])
        #expect(application.stream?.text == "orders")
        let settings = Dictionary(uniqueKeysWithValues: application.settings.map { ($0.place, $0.text) })
        #expect(settings[.consumer("consumerGroup")] == "ml-app")
        #expect(settings[.consumer("initialPositionInStream")] == "TRIM_HORIZON")
        #expect(settings[.consumer("useEnhancedFanOut")] == "false")
        #expect(settings[.process("region")] == "us-east-1")
        #expect(settings[.process("kinesis.endpoint")] == "http://127.0.0.1:4567")
        #expect(settings[.process("dynamoDb.endpoint")] == "http://127.0.0.1:4567")
        let failover = try #require(recording["properties"]?["failoverTimeMillis"]?.string)
        #expect(settings[.consumer("leaseDuration")] == ["4000": "5s", "120000": "120s"][failover])
        #expect(
            settings[.processor("shutdownGrace")]
                == (properties.contains { $0.key == "shutdownGraceMillis" } ? "20s" : nil))
        #expect(settings[.processor("timeout")] == (name == "13-child-hangs" ? "5s" : nil))
        #expect(application.readings.allSatisfy { if case .unknown = $0.outcome { false } else { true } })
    }
}
