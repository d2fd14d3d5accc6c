import Kinesis
import Testing
import Time

@testable import Consumer

@Suite struct NamedOptionsTests {
    private func read(_ name: String, _ text: String, from scope: ConsumerOption.Scope = .query) throws
        -> ConsumerOptions
    {
        try NamedOptions([(name, text)], from: scope).applied(to: ConsumerOptions())
    }

    @Test func `options take lifion's names and units`() throws {
        #expect(try read("limit", "7").limit == 7)
        #expect(try read("pollDelay", "0").pollDelay == .zero)
        #expect(try read("noRecordsPollDelay", "250").noRecordsPollDelay == .milliseconds(250))
        #expect(try read("initialPositionInStream", "TRIM_HORIZON").initialPositionInStream == .trimHorizon)
        #expect(try read("shouldParseJson", "false").shouldParseJSON == .never)
        #expect(try read("shouldDeaggregate", "false").shouldDeaggregate == .never)
        #expect(ConsumerOptions().shouldDeaggregate == .auto)
        #expect(try read("compression", "LZ-UTF8").compression == .lzUTF8)
        #expect(try read("consumerGroup", "billing").consumerGroup == "billing")
        #expect(try read("supressThroughputWarnings", "true").supressThroughputWarnings)
        #expect(try read("shardCount", "4", from: .configuration).shardCount == 4)
        #expect(try read("createStreamIfNeeded", "false", from: .configuration).createStreamIfNeeded == false)
        #expect(try read("retryOptions.maxRetryTime", "5000", from: .configuration).retry.maxRetryTime == .seconds(5))
        #expect(try read("retryOptions.factor", "1.5", from: .configuration).retry.factor == 1.5)
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "10001"), ("limit", "ten"), ("limit", ""), ("limit", "+5"), ("limit", "5.0"),
        ("pollDelay", "-1"), ("noRecordsPollDelay", "249"), ("shouldParseJson", "yes"), ("shouldParseJson", "AUTO"),
        ("shouldParseJson", "1"),
        ("initialPositionInStream", "latest"), ("consumerGroup", ""), ("consumerGroup", "a\nb"),
        ("consumerGroup", String(repeating: "g", count: 256)), ("limit", "99999999999999999999"),
        ("statsInterval", "999"), ("useAutoCheckpoints", "2"),
    ])
    func `a bad value is named with what is accepted`(name: String, text: String) throws {
        let accepted = try #require(ConsumerOption.named(name)).kind.accepted
        #expect(throws: ConsumerOptionError.badValue(option: name, value: text, accepted: accepted)) {
            try read(name, text)
        }
    }

    @Test(arguments: ["2026-01-02T03:04:05.678Z", "2026-01-02T04:04:05.678+01:00", "1767323045678"])
    func `AT_TIMESTAMP takes its moment as text or as milliseconds, in whatever order they stand`(moment: String) throws
    {
        let pairs = [("initialPositionInStream", "AT_TIMESTAMP"), ("initialTimestamp", moment)]
        for pairs in [pairs, pairs.reversed()] {
            let options = try NamedOptions(pairs, from: .query).applied(to: ConsumerOptions())
            let expected = WallTime(milliseconds: 1_767_323_045_678)
            #expect(options.initialPositionInStream == .atTimestamp(expected))
            #expect(options.named.contains { $0.name == "initialTimestamp" && $0.text == expected.iso8601 })
        }
    }

    @Test(arguments: [
        ["initialPositionInStream": "AT_TIMESTAMP"], ["initialTimestamp": "1767323045678"],
        ["initialPositionInStream": "LATEST", "initialTimestamp": "1767323045678"],
    ])
    func `AT_TIMESTAMP and its moment are named together or not at all`(pairs: [String: String]) throws {
        let isMoment = pairs["initialTimestamp"] != nil
        #expect(
            throws: ConsumerOptionError.incomplete(
                option: isMoment ? "initialTimestamp" : "initialPositionInStream",
                needs: isMoment ? "initialPositionInStream=AT_TIMESTAMP" : "initialTimestamp")
        ) { try NamedOptions(pairs.map { ($0, $1) }, from: .query) }
    }

    @Test(arguments: [
        "", "yesterday", "-5", "2026-13-01T00:00:00Z", "2026-01-01", "99999999999999999999", "253402300800000",
    ])
    func `what is no moment is refused`(text: String) {
        #expect(OptionKind.moment.read(text) == nil)
    }

    @Test func `another moment than the one that is held conflicts, the same one does not`() throws {
        func named(_ moment: String) throws -> NamedOptions {
            try NamedOptions(
                [("initialPositionInStream", "AT_TIMESTAMP"), ("initialTimestamp", moment)], from: .query)
        }
        let held = try named("1767323045678").applied(to: ConsumerOptions())
        #expect(try named("2026-01-02T03:04:05.678Z").conflict(with: held) == nil)
        #expect(try named("5").conflict(with: held)?.option == "initialTimestamp")
        #expect(try named("5").conflict(with: ConsumerOptions())?.option == "initialPositionInStream")
    }

    @Test(arguments: [("true", true), ("True", true), ("1", true), ("false", false), ("FALSE", false), ("0", false)])
    func `a truth value is taken as people and generated clients write it`(text: String, isTrue: Bool) throws {
        #expect(try read("usePausedPolling", text).usePausedPolling == isTrue)
        #expect(OptionKind.truth(text) == isTrue)
    }

    @Test func `a word that is a truth value is taken in any case`() throws {
        #expect(try read("shouldParseJson", "True").shouldParseJSON == .always)
        #expect(try read("shouldParseJson", "FALSE").shouldParseJSON == .never)
        #expect(try read("shouldDeaggregate", "TRUE").shouldDeaggregate == .always)
    }

    @Test(arguments: ["yes", "on", "2", "", "t"])
    func `no other word is a truth value`(text: String) {
        #expect(OptionKind.truth(text) == nil)
    }

    @Test(arguments: [
        ("leaseDuration", "4999"), ("checkpointInterval", "999"), ("leaseAcquisitionInterval", "0"),
        ("leaseAcquisitionRecoveryInterval", "0"), ("useAutoShardAssignment", "maybe"),
    ])
    func `the times of leases and checkpoints have bounds`(name: String, text: String) throws {
        let accepted = try #require(ConsumerOption.named(name)).kind.accepted
        #expect(throws: ConsumerOptionError.badValue(option: name, value: text, accepted: accepted)) {
            try read(name, text, from: .configuration)
        }
    }

    @Test func `a group's options are read as lifion has them`() throws {
        #expect(try read("leaseDuration", "5000", from: .configuration).leaseDuration == .seconds(5))
        #expect(try read("checkpointInterval", "1000", from: .configuration).checkpointInterval == .seconds(1))
        #expect(try !read("useAutoShardAssignment", "false").useAutoShardAssignment)
        let ids = try read("shardIds", "shardId-000000000001, shardId-000000000000").shardIDs
        #expect(ids == [ShardID(number: 0), ShardID(number: 1)])
        #expect(try read("shardIds", "").shardIDs.isEmpty)
    }

    @Test(arguments: ["shardId 1", ",", "a,,b", "a,"])
    func `what is no list of shards is refused`(text: String) throws {
        let accepted = try #require(ConsumerOption.named("shardIds")).kind.accepted
        #expect(throws: ConsumerOptionError.badValue(option: "shardIds", value: text, accepted: accepted)) {
            try read("shardIds", text)
        }
    }

    @Test func `tags in another order are no conflict`() throws {
        let named = try NamedOptions([("tags", "b=2, a=1")], from: .configuration)
        let held = named.applied(to: ConsumerOptions())
        #expect(held.tags == ["a": "1", "b": "2"])
        #expect(try NamedOptions([("tags", "a=1,b=2")], from: .configuration).conflict(with: held) == nil)
        let conflict = try NamedOptions([("tags", "a=1")], from: .configuration).conflict(with: held)
        #expect(conflict == OptionConflict(option: "tags", held: "a=1,b=2", asked: "a=1"))
    }

    @Test func `shards in another order are no conflict`() throws {
        let named = try NamedOptions([("shardIds", "b,a")], from: .query)
        let held = named.applied(to: ConsumerOptions())
        #expect(try NamedOptions([("shardIds", "a,b")], from: .query).conflict(with: held) == nil)
        #expect(
            try NamedOptions([("shardIds", "a")], from: .query).conflict(with: held)
                == OptionConflict(option: "shardIds", held: "a,b", asked: "a"))
    }

    @Test(arguments: ["streamName", "logger", "logger.warn", "accessKeyId", "httpOptions.timeout"])
    func `what is no option here is said to be something else`(name: String) {
        let error = #expect(throws: ConsumerOptionError.self) { try read(name, "x") }
        #expect(error?.description.hasPrefix("\(name) is no option here: ") == true)
    }

    @Test(arguments: [
        "shardCount", "useS3ForLargeItems", "streamMode", "encryption.type", "tags", "createStreamIfNeeded",
        "retryOptions.forever", "unreadBytes", "leaseDuration",
    ])
    func `what costs money or reaches further is no query parameter`(name: String) {
        #expect(throws: ConsumerOptionError.configurationOnly(option: name)) { try read(name, "true") }
    }

    @Test(arguments: ["limits", "Limit", "", "limit.x", "retryOptions", "retryOptions.x"])
    func `an unknown name is refused`(name: String) {
        #expect(throws: ConsumerOptionError.unknown(option: name)) { try read(name, "1", from: .configuration) }
    }

    @Test func `an option that is named twice is refused`() {
        #expect(throws: ConsumerOptionError.repeated(option: "limit")) {
            try NamedOptions([("limit", "1"), ("limit", "1")], from: .query)
        }
    }

    @Test func `only what is named is compared`() throws {
        var held = ConsumerOptions()
        held.limit = 5
        #expect(try NamedOptions([("pollDelay", "250")], from: .query).conflict(with: held) == nil)
        #expect(try NamedOptions([("limit", "5"), ("compression", "none")], from: .query).conflict(with: held) == nil)
        #expect(
            try NamedOptions([("pollDelay", "250"), ("limit", "6")], from: .query).conflict(with: held)
                == OptionConflict(option: "limit", held: "5", asked: "6"))
    }

    @Test func `every default is a value that its own option accepts and shows again`() throws {
        for option in ConsumerOption.all {
            let text = option.defaultText
            guard !text.isEmpty else { continue }
            let named = try NamedOptions([(option.name, text)], from: .configuration)
            #expect(named.applied(to: ConsumerOptions()) == ConsumerOptions(), "\(option.name)")
            #expect(named.conflict(with: ConsumerOptions()) == nil, "\(option.name)")
        }
    }

    @Test func `no name stands in the table twice, and every error names its option`() {
        #expect(Set(ConsumerOption.all.map(\.name)).count == ConsumerOption.all.count)
        let error = ConsumerOptionError.badValue(option: "limit", value: "0", accepted: "an integer from 1 to 10000")
        #expect(error.description == "limit is \"0\"; accepted: an integer from 1 to 10000")
        #expect(error.option == "limit")
    }
}
