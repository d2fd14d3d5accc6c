import JSON
import Testing

@testable import Client

@Suite struct ReportTests {
    private func report(_ ready: String, _ stats: String) throws -> StatusReport {
        StatusReport(ready: try JSONParser.parse(ready), stats: try JSONParser.parse(stats))
    }

    private let ready = "{\"status\":\"ready\",\"causes\":[],\"warnings\":[]}"

    @Test func `a shard is a row with its owner and how far it is`() throws {
        let report = try report(
            ready,
            """
            {"version":"1","streams":{"s":{"puts":{"records":2,"bytes":4000,"failures":1},"consumers":[{"consumerGroup":"g",
            "phase":"reading","shards":[{"shardId":"a","phase":"reading","reader":"5f","millisBehindLatest":1500,
            "checkpointMillisBehindLatest":0,"recordsPerSecond":2.5}]}]}}}
            """)
        #expect(report.isWell)
        #expect(
            report.text == """
                kinesis-sidecar 1: ready
                put to s: 2 records, 4.0 KB, 1 failed
                STREAM  GROUP  SHARD  PHASE    OWNER  LAG    CHECKPOINT LAG  RECORDS/S
                s       g      a      reading  5f     1.5 s  0 ms            2.5

                """)
    }

    @Test func `a warning, a consumer's problem and a sidecar that is not ready are wrong`() throws {
        let warned = try report(
            "{\"status\":\"ready\",\"causes\":[],\"warnings\":[{\"component\":\"kinesis\",\"detail\":\"down\"}]}",
            "{\"streams\":{}}")
        #expect(!warned.isWell && warned.text.contains("problem: kinesis: down\n"))
        let ending = try report("{\"status\":\"notReady\",\"causes\":[],\"warnings\":[]}", "{\"streams\":{}}")
        #expect(!ending.isWell && ending.text.contains("not ready"))
        let consumer = try report(
            ready,
            "{\"streams\":{\"s\":{\"consumers\":[{\"consumerGroup\":\"g\",\"problem\":\"gone\",\"shards\":[]}]}}}")
        #expect(consumer.problems == ["consumer s/g: gone"] && !consumer.isWell)
    }

    @Test func `a shard that is read to its end is called so`() throws {
        let answer = try JSONParser.parse(
            """
            {"shards":[{"shardId":"a","position":"TRIM_HORIZON","depleted":false,"approximateArrivalTimestamp":null},
            {"shardId":"b","depleted":true,"approximateArrivalTimestamp":"T","leaseOwner":"m"}]}
            """)
        #expect(
            GroupReport.checkpoints(answer) == """
                SHARD  GOES ON       ARRIVED  OWNER
                a      TRIM_HORIZON  -        -
                b      DEPLETED      T        m

                """)
    }

    @Test func `a place of a seek is a word, a time or a shard's record`() throws {
        func body(_ words: String...) throws -> String {
            try SeekTarget(CommandValues(["s"] + words, of: ClientCommand.named("seek")!)).body(isDryRun: true).text
        }
        #expect(try body("--to", "LATEST") == "{\"to\":\"LATEST\",\"dryRun\":true}")
        let number = String(repeating: "4", count: 56)
        #expect(
            try body("--to", number, "--shard", "a")
                == "{\"to\":{\"sequenceNumber\":\"\(number)\"},\"shardId\":\"a\",\"dryRun\":true}")
        #expect(throws: ClientError.self) { try body("--to", number) }
        #expect(throws: ClientError.self) { try body() }
    }

    @Test(arguments: [
        (0, "0 ms"), (999, "999 ms"), (1234, "1.2 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 d"),
    ])
    func `times are short`(_ milliseconds: Int, _ text: String) {
        #expect(PrintableText.time(milliseconds: milliseconds) == text)
    }
}
