import Kinesis
import Testing

@testable import Consumer

@Suite struct ShardCountersTests {
    @Test func `what is settled is counted, over readers that come and go`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("abc", "de")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            _ = try await engine.read(2, from: reader)
            reader.detach(.orderly)
            try await kinesis.put("f")
            let next = try await engine.attach()
            _ = try await engine.read(1, from: next)
            let counters = try #require(engine.snapshot?.shards.first?.counters)
            #expect(counters.records == 3)
            #expect(counters.bytes == 6)
            #expect(counters.batches == 2)
            #expect(counters.restarts == 0)
            #expect(counters.lastProgress != nil)
        }
    }

    @Test func `what is not settled is not counted`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("abc")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            _ = try await engine.read(1, from: reader, settling: false)
            #expect(engine.snapshot?.shards.first?.counters.records == 0)
        }
    }
}
