import Bytes
import JSON
import Kinesis
import Testing
import Time

@testable import LocalKinesis

private func texts(_ answer: JSONValue) -> [String] {
    (answer["Records"]?.array ?? []).map { record in
        String(decoding: Base64.decode(record["Data"]?.string ?? "") ?? [], as: UTF8.self)
    }
}

@Suite(.timeLimit(.minutes(4))) struct KinesisServiceTests {
    @Test func `what has outlived the retention period is gone, and iterators pass over it`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        _ = try await kinesis.put("old")
        let before = try await kinesis.iterator(0)
        try await kinesis.onLoop { await $0.trim(now: WallTime.now().advanced(by: .seconds(23 * 3600))) }
        #expect(texts(try await kinesis.read(before)) == ["old"])
        try await kinesis.onLoop { await $0.trim(now: WallTime.now().advanced(by: .seconds(25 * 3600))) }
        #expect(texts(try await kinesis.read(before)).isEmpty)
        _ = try await kinesis.put("new")
        let answer = try await kinesis.read(before)
        #expect(texts(answer) == ["new"])
        #expect(answer["NextShardIterator"] != nil)
    }

    @Test func `a longer retention period keeps records longer`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        _ = try await kinesis.put("old")
        try await kinesis.call(.increaseStreamRetentionPeriod, #"{"StreamName":"s","RetentionPeriodHours":48}"#)
        try await kinesis.onLoop { await $0.trim(now: WallTime.now().advanced(by: .seconds(25 * 3600))) }
        #expect(texts(try await kinesis.read(try await kinesis.iterator(0))) == ["old"])
    }

    @Test func `a closed shard vanishes with its records, and its iterators find nothing`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        _ = try await kinesis.put("old")
        let before = try await kinesis.iterator(0)
        let half = UInt128(1) << 127
        try await kinesis.call(
            .splitShard,
            #"{"StreamName":"s","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"\#(half)"}"#)
        #expect(try await kinesis.shards() == [0, 1, 2])
        try await kinesis.onLoop { await $0.trim(now: WallTime.now().advanced(by: .seconds(25 * 3600))) }
        #expect(try await kinesis.shards() == [1, 2])
        let fault = await #expect(throws: ServiceFault.self) { try await kinesis.read(before) }
        #expect(fault?.code == "ResourceNotFoundException")
    }

    @Test func `a put while the stream is UPDATING goes to the children`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        _ = try await kinesis.put("parent")
        let half = UInt128(1) << 127
        try await kinesis.call(
            .splitShard,
            #"{"StreamName":"s","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"\#(half)"}"#)
        #expect(try await kinesis.put("low")["ShardId"]?.string == LocalShard.id(1))
        #expect(try await kinesis.put("high", key: "\(half)")["ShardId"]?.string == LocalShard.id(2))
        let end = try await kinesis.read(try await kinesis.iterator(0))
        #expect(texts(end) == ["parent"])
        #expect(end["NextShardIterator"] == nil)
        #expect(end["ChildShards"]?.array?.count == 2)
        #expect(texts(try await kinesis.read(try await kinesis.iterator(1))) == ["low"])
        #expect(texts(try await kinesis.read(try await kinesis.iterator(2))) == ["high"])
    }

    @Test func `many puts at once are all read, in the order of their numbers`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let numbers = try await withThrowingTaskGroup(of: (String, String).self) { group in
            for index in 0..<300 {
                group.addTask {
                    let answer = try await kinesis.put("\(index)")
                    return (try #require(answer["SequenceNumber"]?.string), "\(index)")
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let answer = try await kinesis.read(try await kinesis.iterator(0))
        let records = answer["Records"]?.array ?? []
        let read = records.compactMap { $0["SequenceNumber"]?.string.flatMap(SequenceNumber.init) }
        #expect(read.count == 300 && read == read.sorted() && Set(read).count == 300)
        #expect(read.map { numbers[$0.text] } == texts(answer))
    }

    @Test func `a stream that is deleted while it changes does not become ACTIVE again`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.call(.createStream, #"{"StreamName":"s","ShardCount":1}"#)
        try await kinesis.call(.deleteStream, #"{"StreamName":"s"}"#)
        try await kinesis.onLoop { service in
            let deadline = ContinuousClock.now + .seconds(20)
            while let stream = service.find("s") {
                #expect(stream.status == .deleting)
                try #require(ContinuousClock.now < deadline, "the stream does not go")
                await service.loop.nextTurn()
            }
        }
    }

    @Test func `a token is good for one listing and its stream`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(3)
        let first = try await kinesis.call(.listShards, #"{"StreamName":"s","MaxResults":2}"#)
        let token = try #require(first["NextToken"]?.string)
        let second = try await kinesis.call(.listShards, #"{"NextToken":"\#(token)"}"#)
        #expect(second["Shards"]?.array?.count == 1)
        #expect(second["NextToken"] == nil)
        let old = ShardListing(stream: "s", streamCreated: try await kinesis.onLoop { $0.find("s")!.created })
            .token(issued: WallTime.now().advanced(by: .seconds(-301)))
        let fault = await #expect(throws: ServiceFault.self) {
            try await kinesis.call(.listShards, #"{"NextToken":"\#(old)"}"#)
        }
        #expect(fault?.code == "ExpiredNextTokenException")
    }

    @Test func `an iterator that is older than five minutes is expired`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let created = try await kinesis.onLoop { $0.find("s")!.created }
        let token = ShardIteratorToken(
            stream: "s", streamCreated: created, shardIndex: 0, ordinal: 0,
            issued: WallTime.now().advanced(by: .seconds(-301)))
        let fault = await #expect(throws: ServiceFault.self) { try await kinesis.read(token.text) }
        #expect(fault?.code == "ExpiredIteratorException")
    }

    @Test func `an iterator begins at numbers that were given, and at no other`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let number = try #require(try await kinesis.put("a")["SequenceNumber"]?.string)
        _ = try await kinesis.iterator(0, "AFTER_SEQUENCE_NUMBER", from: number)
        let shard = try await kinesis.onLoop { $0.find("s")!.shards[0]! }
        for unknown in ["4959", shard.sequenceNumber(2, at: .now())] {
            let fault = await #expect(throws: ServiceFault.self) {
                try await kinesis.iterator(0, "AFTER_SEQUENCE_NUMBER", from: unknown)
            }
            #expect(fault?.code == "InvalidArgumentException")
        }
    }

    @Test func `no iterator goes beyond a record that could not be stored, whose number comes again`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        _ = try await kinesis.put("a")
        let tip = try await kinesis.iterator(0, "LATEST")
        try await kinesis.onLoop { await $0.store.close() }
        let fault = await #expect(throws: ServiceFault.self) { try await kinesis.put("b") }
        #expect(fault?.code == "InternalFailure")
        let next = try #require(try await kinesis.read(tip)["NextShardIterator"]?.string)
        let latest = try await kinesis.iterator(0, "LATEST")
        for iterator in [tip, next, latest] { #expect(ShardIteratorToken(iterator)?.ordinal == 2) }
    }

    @Test func `a put may follow a record that has been trimmed, but not one of a time to come`() async throws {
        let kinesis = try await Embedded()
        try await kinesis.create(1)
        let old = try #require(try await kinesis.put("old")["SequenceNumber"]?.string)
        try await kinesis.onLoop { await $0.trim(now: WallTime.now().advanced(by: .seconds(25 * 3600))) }
        func put(after number: String) async throws {
            try await kinesis.call(
                .putRecord,
                #"{"StreamName":"s","Data":"","PartitionKey":"k","SequenceNumberForOrdering":"\#(number)"}"#)
        }
        try await put(after: old)
        let shard = try await kinesis.onLoop { $0.find("s")!.shards[0]! }
        let fault = await #expect(throws: ServiceFault.self) {
            try await put(after: shard.sequenceNumber(1, at: WallTime.now().advanced(by: .seconds(60))))
        }
        #expect(fault?.code == "InvalidArgumentException")
    }

    @Test func `in memory the oldest records go, and iterators pass over them`() async throws {
        let kinesis = try await Embedded(memoryLimit: 1 << 20)
        try await kinesis.create(1)
        let first = try await kinesis.iterator(0)
        let data = String(repeating: "x", count: 30_000)
        for index in 0..<100 { _ = try await kinesis.put("\(index) \(data)") }
        let read = texts(try await kinesis.read(first)).compactMap { text in
            text.split(separator: " ").first.flatMap { Int($0) }
        }
        #expect(read == Array((100 - read.count)..<100))
        // A record takes 40 KB as base64.
        #expect((18...26).contains(read.count))
    }

    @Test func `limits are kept when they are on`() async throws {
        let kinesis = try await Embedded(limits: true)
        try await kinesis.create(1)
        let iterator = try await kinesis.iterator(0)
        var refused = 0
        let begun = ContinuousClock.now
        for _ in 0..<20 {
            do {
                _ = try await kinesis.read(iterator)
            } catch let fault as ServiceFault {
                #expect(fault.code == "ProvisionedThroughputExceededException")
                refused += 1
            }
        }
        // Five a second.
        let seconds = Int((ContinuousClock.now - begun).components.seconds)
        #expect(20 - refused <= 5 * (seconds + 1))
    }
}
