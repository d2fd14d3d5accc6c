import DynamoDB
import FakeService
import Kinesis
import Reactor
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// Engines that share a stream over one table.
@Suite struct GroupEngineTests {
    private let key = ConsumerKey(stream: StreamName("orders")!, group: "kinesis-sidecar")

    /// Runs a test with a stream of some shards and a table, in which members are made.
    private func withGroup(
        shards: Int = 2, _ body: @escaping @Sendable (FakeKinesis, FakeGroupTable, EventLoop) async throws -> Void
    ) async throws {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            try await FakeKinesis.run(on: loop, shards: shards) { kinesis in
                try await body(kinesis, FakeGroupTable(loop), loop)
                kinesis.hangUp()
            }
        }
    }

    private func member(
        _ id: String, pid: Int = 1, _ kinesis: FakeKinesis, _ table: FakeGroupTable, _ loop: EventLoop,
        from initial: InitialPosition = .trimHorizon, useAutoCheckpoints: Bool = true, fanOut: Bool = false
    ) async throws -> Engine {
        try await Engine(kinesis, loop, group: table.context(id, pid: pid, loop)) {
            $0.defaults.initialPositionInStream = initial
            $0.defaults.useAutoCheckpoints = useAutoCheckpoints
            $0.defaults.useEnhancedFanOut = fanOut
            $0.defaults.leaseDuration = .seconds(5)
            $0.defaults.noRecordsPollDelay = .milliseconds(250)
        }
    }

    private func end(_ engines: Engine...) async {
        for engine in engines {
            await engine.registry.shutDown(deadline: engine.loop.now + .seconds(1))
            await engine.store.close()
        }
    }

    private func owners(_ table: FakeGroupTable) -> [MemberID?] {
        (table.item(key)?.shards.values.sorted { $0.id < $1.id } ?? []).map { $0.lease?.owner }
    }

    @Test func `a member leases all shards, its checkpoints come into the item, and it leaves nothing leased`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            let number = try await kinesis.put("x", to: 1)[0]
            #expect(try await a.read(1, from: reader) == ["x"])
            await a.until("the checkpoint is in the item") {
                table.item(key)?.shards[ShardID(number: 1)]?.checkpoint?.sequenceNumber == number
            }
            #expect(owners(table) == [MemberID("a"), MemberID("a")])
            await end(a)
            #expect(owners(table) == [nil, nil] && table.item(key)?.members == [:])
        }
    }

    @Test func `a second member gets its share once what is in flight is settled`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let (a, b) = (
                try await member("a", kinesis, table, loop), try await member("b", kinesis, table, loop)
            )
            let first = try await a.attach()
            try await kinesis.put("x", to: 1)
            let delivery = try #require(await Engine.delivery(from: first))
            let second = try await b.attach()
            #expect(second.shardCount == 0 && second.members.map(\.record.host) == ["host-a"])
            await a.until("it is to give one up") { a.snapshot?.membership?.counters.givenUp == 1 }
            #expect(owners(table) == [MemberID("a"), MemberID("a")], "what was given out is not settled")
            a.settle(delivery, of: first)
            await b.until("it has one") { second.shardCount == 1 }
            #expect(owners(table) == [MemberID("a"), MemberID("b")])
            try await kinesis.put("y", to: 1)
            #expect(try await b.read(1, from: second) == ["y"], "and goes on behind it")
            await end(a, b)
        }
    }

    @Test func `what is acknowledged while a shard is given up comes into the item, and lets the shard go`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop, useAutoCheckpoints: false)
            let b = try await member("b", kinesis, table, loop, useAutoCheckpoints: false)
            let first = try await a.attach()
            let shard = ShardID(number: 1)
            let number = try await kinesis.put("x", to: 1)[0]
            let delivery = try #require(await Engine.delivery(from: first))
            a.settle(delivery, of: first)
            let second = try await b.attach()
            await a.until("it is to give one up") { a.snapshot?.membership?.counters.givenUp == 1 }
            let givenUp = loop.now
            let stored = try await a.acknowledge(.event(delivery.id))
            #expect(stored.map(\.checkpoint?.sequenceNumber) == [number])
            await b.until("the other has it") { second.shardCount == 1 }
            #expect(table.item(key)?.shards[shard]?.checkpoint?.sequenceNumber == number)
            #expect(loop.now - givenUp < .seconds(2), "it is not waited for the end of the lease")
            await #expect(throws: ConsumerError.self) { _ = try await a.acknowledge(.event(delivery.id)) }
            try await kinesis.put("y", to: 1)
            #expect(try await b.read(1, from: second) == ["y"], "nothing comes again")
            await end(a, b)
        }
    }

    @Test func `a seek of a group that is just beginning holds for all of its members`() async throws {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop, from: .latest)
            try await kinesis.put("old")
            kinesis.silence(.list)
            a.registry.start(kinesis.name, NamedOptions())
            await a.until("it is being prepared") { kinesis.count(.list) == 1 }
            async let moves = a.registry.seek(kinesis.name, group: nil, SeekRequest(.trimHorizon))
            await loop.advance(by: .seconds(1))
            kinesis.hangUp()
            #expect(try await moves.count == 2)
            await end(a)
            let b = try await member("b", kinesis, table, loop, from: .latest)
            let reader = try await b.attach()
            #expect(try await b.read(1, from: reader) == ["old"])
            await end(b)
        }
    }

    @Test func `leases end by the member's own clock when the table is out of reach, and come back with it`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            table.failure = .transport(.notConnected(reason: "cut"))
            await a.until("both are lost") { a.snapshot?.membership?.counters.lost == 2 }
            #expect(a.snapshot?.membership?.owners == [:], "whatever the item said last")
            #expect(a.snapshot?.membership?.members.map(\.shards) == [[]])
            #expect(a.registry.problems.first?.problem.contains("no connection") == true)
            try await kinesis.put("x", to: 0)
            table.failure = nil
            #expect(try await a.read(1, from: reader) == ["x"])
            #expect(a.registry.problems.isEmpty)
            await end(a)
        }
    }

    @Test func `a record that comes when a lease has ended is given out once the answer to its renewal is there`()
        async throws
    {
        try await withGroup(shards: 1) { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            let shard = ShardID(number: 0)
            let number = try await kinesis.put("x")[0]
            #expect(try await a.read(1, from: reader) == ["x"])
            await a.until("the checkpoint is in the item") {
                table.item(key)?.shards[shard]?.checkpoint?.sequenceNumber == number
            }
            table.holdsAnswers = true
            await a.until("a renewal is on its way") { table.heldAnswers > 0 }
            let sent = loop.now
            // The reader waits for records all the while.
            let next = Task(executorPreference: loop) { await Engine.delivery(from: reader) }
            let group = try #require(a.registry.held(key.stream, key.group)?.group)
            await a.until("the lease has ended") { !group.mayRead(shard) }
            try await kinesis.put("y")
            await loop.advance(by: .milliseconds(500))
            #expect(loop.now < sent + .seconds(5), "what is on its way renews it")
            table.holdsAnswers = false
            let patience = loop.schedule(after: .seconds(5)) { reader.detach(.lost) }
            let delivery = try #require(await next.value, "it comes in time")
            loop.cancel(patience)
            #expect(try Engine.texts(delivery) == ["y"])
            #expect(a.snapshot?.membership?.counters.lost == 0)
            a.settle(delivery, of: reader)
            await end(a)
        }
    }

    @Test func `a shard that goes back and is read to its end while a request is on its way counts as read to its end`()
        async throws
    {
        try await withGroup(shards: 1) { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let (first, second) = (try await a.attach(), try await a.attach())
            try await kinesis.put("x")
            #expect(try await a.read(1, from: first) == ["x"])
            table.holdsAnswers = true
            await a.until("a request is on its way") { table.heldAnswers > 0 }
            first.detach(.lost)
            try await kinesis.split(0)
            #expect(try await a.read(1, from: second) == ["x"])
            await a.until("it is read to its end") { a.snapshot?.shards.first?.phase == .depleted }
            table.holdsAnswers = false
            try await kinesis.put("y", to: 1)
            #expect(try await a.read(1, from: second) == ["y"], "its children are leased")
            #expect(table.item(key)?.shards[ShardID(number: 0)]?.isDepleted == true)
            await end(a)
        }
    }

    @Test func `a shard that goes back from its end is opened again though the table is out of reach at first`()
        async throws
    {
        try await withGroup(shards: 1) { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let first = try await a.attach()
            try await kinesis.put("x")
            #expect(try await a.read(1, from: first) == ["x"])
            try await kinesis.split(0)
            try await kinesis.put("y", to: 1)
            #expect(try await a.read(1, from: first) == ["y"])
            #expect(table.item(key)?.shards[ShardID(number: 0)]?.isDepleted == true)
            let second = try await a.attach()
            table.failure = .transport(.notConnected(reason: "cut"))
            first.detach(.lost)
            await loop.advance(by: .seconds(3))
            table.failure = nil
            await loop.advance(by: .seconds(5))
            #expect(try await a.read(2, from: second) == ["x", "y"])
            await end(a)
        }
    }

    @Test func `a process that comes back under its name says who it is by now, and has its shards at once`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            _ = try await a.attach()
            table.failure = .transport(.notConnected(reason: "killed"))
            await end(a)
            table.failure = nil
            let again = try await member("a", pid: 2, kinesis, table, loop)
            let asked = loop.now
            let reader = try await again.attach()
            #expect(reader.shardCount == 2 && loop.now - asked < .seconds(1))
            #expect(table.item(key)?.members.values.map(\.pid) == [2])
            await end(again)
        }
    }

    @Test func `two processes under one name become two members, and each shard has one reader again`() async throws {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let first = try await a.attach()
            #expect(first.shardCount == 2)
            let copy = try await member("a", pid: 2, kinesis, table, loop)
            let second = try await copy.attach()
            await a.until("each has one") {
                first.shardCount == 1 && second.shardCount == 1
                    && Set(owners(table)) == [MemberID("a"), MemberID("a'")]
            }
            #expect(table.item(key)?.members.mapValues(\.pid) == [MemberID("a"): 2, MemberID("a'"): 1])
            for shard in 0..<2 { try await kinesis.put("x\(shard)", to: shard) }
            let read = try await a.read(1, from: first) + copy.read(1, from: second)
            #expect(Set(read) == ["x0", "x1"])
            await end(a, copy)
        }
    }

    @Test func `an item that somebody deletes is made anew from what is known here`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            let number = try await kinesis.put("x", to: 0)[0]
            #expect(try await a.read(1, from: reader) == ["x"])
            table.drop(key)
            try await kinesis.put("y", to: 0)
            #expect(try await a.read(1, from: reader) == ["y"], "what was read does not come again")
            await a.until("it is there again") {
                (table.item(key)?.shards[ShardID(number: 0)]?.checkpoint?.sequenceNumber ?? number) > number
            }
            await end(a)
        }
    }

    @Test func `behind a checkpoint that is no sequence number all records come, also under LATEST`() async throws {
        try await withGroup { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            try await kinesis.put("x", to: 0)
            #expect(try await a.read(1, from: reader) == ["x"])
            await end(a)
            table.write(key, ["shards", ShardID(number: 0).text, "checkpoint"], .string("4959…"))
            let b = try await member("b", kinesis, table, loop, from: .latest)
            let next = try await b.attach()
            #expect(try await b.read(1, from: next) == ["x"])
            await b.until("a checkpoint takes its place") {
                table.item(key)?.shards[ShardID(number: 0)]?.checkpoint != nil
            }
            await end(b)
        }
    }

    @Test func `an open shard that somebody calls read out is told of, and read once that is taken back`() async throws
    {
        try await withGroup { kinesis, table, loop in
            let shard: AttributePath = ["shards", ShardID(number: 1).text, "depleted"]
            let b = try await member("b", kinesis, table, loop)
            let reader = try await b.attach()
            table.write(key, shard, true)
            await loop.advance(by: .seconds(70))
            #expect(b.registry.problems.map { $0.problem.contains("shardId-000000000001") } == [true])
            table.write(key, shard, false)
            try await kinesis.put("x", to: 1)
            #expect(try await b.read(1, from: reader) == ["x"])
            await loop.advance(by: .seconds(30))
            #expect(b.registry.problems.isEmpty)
            await end(b)
        }
    }

    @Test func `a shard that is given up with its consumer is let go when the member has another one`() async throws {
        try await withGroup(shards: 1) { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop, fanOut: true)
            let reader = try await a.attach()
            try await kinesis.put("x")
            let inFlight = try #require(await Engine.delivery(from: reader))
            let consumer = try #require(table.item(key)?.enhancedConsumers.values.first)
            try await kinesis.call(DeregisterStreamConsumer(consumer.arn), retry: nil)
            kinesis.openSubscriptions.first?.fail(FakeKinesis.error("ResourceNotFoundException", status: 200))
            await a.until("it has another one") {
                table.item(key)?.enhancedConsumers.values.contains { $0.arn != consumer.arn } == true
            }
            a.settle(inFlight, of: reader)
            try await kinesis.put("y")
            // Within 5 s of the last subscription the service refuses another one.
            await loop.advance(by: .seconds(12))
            #expect(try await a.read(2, from: reader) == ["x", "y"])
            #expect(a.snapshot?.membership?.counters.givenUp == 1)
            await end(a)
        }
    }

    @Test func `the children of a parent whose end the table did not hear of in time are read once it does`()
        async throws
    {
        try await withGroup(shards: 1) { kinesis, table, loop in
            let a = try await member("a", kinesis, table, loop)
            let reader = try await a.attach()
            try await kinesis.put("p")
            #expect(try await a.read(1, from: reader) == ["p"])
            table.failure = FakeKinesis.error("ProvisionedThroughputExceededException")
            try await kinesis.split(0)
            await a.until("its lease has ended") { (a.snapshot?.membership?.counters.lost ?? 0) > 0 }
            table.failure = nil
            await a.until("the item has its end") { table.item(key)?.shards[ShardID(number: 0)]?.isDepleted == true }
            try await kinesis.put("c", to: 1)
            #expect(try await a.read(1, from: reader) == ["c"])
            await end(a)
        }
    }

    @Test func `a group is forgotten with its item, unless another member uses it`()
        async throws
    {
        try await withGroup { kinesis, table, loop in
            let (a, b) = (
                try await member("a", kinesis, table, loop), try await member("b", kinesis, table, loop)
            )
            let reader = try await a.attach()
            await #expect(throws: ConsumerError.hasReaders) { try await b.registry.forget(kinesis.name, group: nil) }
            reader.detach(.orderly)
            await end(a)
            #expect(try await b.registry.forget(kinesis.name, group: nil))
            #expect(table.item(key) == nil)
            await end(b)
        }
    }
}
