import Bytes
import FakeService
import Kinesis
import TestSupport
import Testing
import Time

@testable import Consumer

/// When a user record is left out as another shard's.
@Suite struct KeyPlacementTests {
    private static let start = ContinuousClock.Instant.now

    private static func summary(_ distribution: RecordDistribution) -> StreamSummary {
        StreamSummary(
            name: StreamName("s")!, arn: "arn", status: .active, creation: WallTime(milliseconds: 0), openShards: 2,
            retentionHours: 24, encryption: "NONE", mode: .onDemand, maxRecordBytes: 1 << 20,
            distribution: distribution)
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

    @Test func `a record is left out once the stream was looked at after it came`() {
        var placement = KeyPlacement()
        placement.seen(Self.summary(.userPartitionKey))
        #expect(placement.verdict(receivedAt: at(1), now: at(1)) == .look)
        placement.lookBegan(now: at(2))
        #expect(placement.verdict(receivedAt: at(1), now: at(2)) == .look)
        placement.looked(Self.summary(.userPartitionKey))
        #expect(placement.verdict(receivedAt: at(1), now: at(3)) == .leaveOut)
        #expect(placement.verdict(receivedAt: at(2.5), now: at(3)) == .look)
    }

    @Test func `nothing is left out any more of a stream that was once distributed automatically`() {
        var placement = KeyPlacement()
        placement.lookBegan(now: at(0))
        placement.looked(Self.summary(.auto))
        #expect(placement.isAutomatic)
        placement.seen(Self.summary(.userPartitionKey))
        #expect(placement.verdict(receivedAt: at(-1), now: at(1)) == .giveOut)
    }

    @Test func `while it is not known nothing is left out`() {
        var placement = KeyPlacement()
        placement.lookBegan(now: at(1))
        placement.lookFailed()
        #expect(placement.verdict(receivedAt: at(1), now: at(2)) == .giveOut)
        #expect(placement.verdict(receivedAt: at(3), now: at(3)) == .look)
    }

    @Test func `after some looks at once there is one a minute`() {
        var placement = KeyPlacement()
        for number in 0..<KeyPlacement.looksAtOnce {
            #expect(placement.verdict(receivedAt: at(Double(number)), now: at(Double(number))) == .look)
            placement.lookBegan(now: at(Double(number)))
            placement.looked(Self.summary(.userPartitionKey))
        }
        #expect(placement.verdict(receivedAt: at(9), now: at(30)) == .leaveOut)
        #expect(placement.verdict(receivedAt: at(30), now: at(59)) == .giveOut)
        #expect(placement.verdict(receivedAt: at(60), now: at(60)) == .look)
        placement.lookBegan(now: at(90))
        placement.looked(Self.summary(.userPartitionKey))
        #expect(placement.verdict(receivedAt: at(100), now: at(119)) == .giveOut)
        #expect(placement.verdict(receivedAt: at(100), now: at(120)) == .look)
    }

    /// The stream changes at any time, looks begin and end or fail: no record is left out that may have been placed
    /// automatically, and looks are no more than they may be.
    @Test(arguments: 0..<20) func `a walk leaves out no record that was placed automatically`(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        var placement = KeyPlacement()
        var now = 0.0
        var becameAutomatic: Double?
        var underway: Double?
        var looks: [Double] = []
        var leftOut = 0
        await takeSteps(2000) {
            now += Double.random(in: 0..<10, using: &random)
            switch Int.random(in: 0..<2000, using: &random) {
            case 0: becameAutomatic = becameAutomatic ?? now
            case 1..<600:
                // The service answers with what is so at any moment of the look.
                guard let since = underway else { return }
                underway = nil
                if Bool.random(using: &random) { return placement.lookFailed() }
                let moment = Double.random(in: since...now, using: &random)
                let isAutomatic = becameAutomatic.map { $0 <= moment } ?? false
                placement.looked(Self.summary(isAutomatic ? .auto : .userPartitionKey))
            default:
                let received = max(0, now - Double.random(in: 0..<20, using: &random))
                switch placement.verdict(receivedAt: at(received), now: at(now)) {
                case .leaveOut:
                    leftOut += 1
                    #expect(becameAutomatic.map { received <= $0 } ?? true)
                case .giveOut: break
                case .look where underway == nil:
                    placement.lookBegan(now: at(now))
                    underway = now
                    looks.append(now)
                case .look: break
                }
            }
        }
        #expect(Double(looks.count) <= Double(KeyPlacement.looksAtOnce) + now / 60)
        if becameAutomatic ?? .infinity > 5000 { #expect(leftOut > 0) }
    }
}

/// The same in an engine.
@Suite struct LeavingOutTests {
    /// User records under keys whose hashes lie all over the ring.
    private static let texts = (0..<20).map { "r\($0)" }

    private static func put(to kinesis: FakeKinesis) async throws {
        var aggregate = Aggregate()
        for text in texts {
            let isAdded = aggregate.add(PutRecordEntry(ByteBuffer(text), partitionKey: "key-\(text)"), limit: 1 << 20)
            #expect(isAdded)
        }
        try await kinesis.write([PutRecordEntry(aggregate.encoded(), partitionKey: "k")], to: kinesis.name)
    }

    @Test func `a reader of a stream that is switched to AUTO misses nothing`() async throws {
        try await withEngine(shards: 4) { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("first")
            #expect(try await engine.read(1, from: reader) == ["first"])
            try await kinesis.distribute(kinesis.name, .auto)
            let before = kinesis.count(.summary)
            for _ in 0..<3 { try await Self.put(to: kinesis) }
            #expect(try await engine.read(60, from: reader).sorted() == (Self.texts + Self.texts + Self.texts).sorted())
            #expect(kinesis.count(.summary) == before + 1)
            #expect(engine.snapshot?.shards.allSatisfy { $0.counters.droppedUserRecords == 0 } == true)
        }
    }

    @Test func `another shard's records are left out once the stream was looked at`() async throws {
        try await withEngine(shards: 4) { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            let before = kinesis.count(.summary)
            try await Self.put(to: kinesis)
            try await kinesis.put("end", to: 0)
            try await kinesis.put("end", to: 1)
            try await kinesis.put("end", to: 2)
            try await kinesis.put("end", to: 3)
            var texts: [String] = []
            while texts.count(where: { $0 == "end" }) < 4 { texts += try await engine.read(1, from: reader) }
            let dropped = engine.snapshot?.shards.reduce(0) { $0 + $1.counters.droppedUserRecords } ?? 0
            #expect(dropped > 0 && dropped == 24 - texts.count)
            #expect(kinesis.count(.summary) == before + 1)
        }
    }

    @Test func `nothing is left out while the service does not say how the stream distributes records`() async throws {
        try await withEngine(shards: 4) { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            kinesis.fail(.summary, FakeKinesis.error("LimitExceededException"))
            try await Self.put(to: kinesis)
            #expect(try await engine.read(20, from: reader) == Self.texts)
        }
    }
}
