import FakeService
import Kinesis
import Reactor
import State
import Testing

@testable import Consumer

@Suite struct ReadingTests {
    @Test func `LATEST brings what is put after the attachment, and nothing older`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("old")
            let reader = try await engine.attach()
            try await kinesis.put("new", "newer")
            #expect(try await engine.read(2, from: reader) == ["new", "newer"])
        }
    }

    @Test func `LATEST holds over a crash before the first record`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("old", at: .now().advanced(by: .milliseconds(-2)))
            _ = try await engine.attach()
            engine.restart()
            try await kinesis.put("new")
            let reader = try await engine.attach()
            #expect(try await engine.read(1, from: reader) == ["new"])
        }
    }

    @Test func `a second reader within the same millisecond does not take LATEST anew`() async throws {
        try await withEngine { engine, kinesis in
            for round in 0..<30 {
                let group = ("consumerGroup", "group-\(round)")
                try await engine.attach(group).detach(.orderly)
                try await kinesis.put("\(round)")
                let next = try await engine.attach(group)
                #expect(try await engine.read(1, from: next) == ["\(round)"])
                next.detach(.orderly)
            }
        }
    }

    @Test func `what comes while there is no reader waits for the next one`() async throws {
        try await withEngine { engine, kinesis in
            let reader = try await engine.attach()
            reader.detach(.orderly)
            try await kinesis.put("meanwhile")
            let next = try await engine.attach()
            #expect(try await engine.read(1, from: next) == ["meanwhile"])
        }
    }

    @Test func `TRIM_HORIZON brings everything, in the shard's order`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.recordLimit = 3
            for number in 0..<20 { try await kinesis.put("\(number)") }
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(20, from: reader) == (0..<20).map(String.init))
        }
    }

    @Test func `settled records are not delivered again after a restart, unsettled ones are`() async throws {
        try await withEngine(settings: { $0.defaults.unreadBytes = 0 }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a", "b", "c")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            #expect(try await engine.read(1, from: reader, settling: false) == ["b"])
            await engine.registry.shutDown(deadline: engine.loop.now)
            engine.restart()
            let next = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: next) == ["b", "c"])
        }
    }

    @Test func `what a lost reader did not settle goes to the next one`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: reader, settling: false) == ["a", "b"])
            reader.detach(.lost)
            #expect(await Engine.delivery(from: reader) == nil)
            let next = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: next) == ["a", "b"])
        }
    }

    @Test func `another group has its own copy of the stream`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a")
            let one = try await engine.attach(fromStart, ("consumerGroup", "one"))
            let two = try await engine.attach(fromStart, ("consumerGroup", "two"))
            #expect(try await engine.read(1, from: one) == ["a"])
            #expect(try await engine.read(1, from: two) == ["a"])
        }
    }

    @Test func `a merge's child comes after both parents, and they are depleted only when settled`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("p0", to: 0)
            try await kinesis.put("p1", to: 1)
            try await kinesis.merge(0, 1)
            try await kinesis.put("child", to: 2)
            let first = try #require(await Engine.delivery(from: reader))
            let second = try #require(await Engine.delivery(from: reader))
            #expect(Set(try Engine.texts(first) + Engine.texts(second)) == ["p0", "p1"])
            engine.settle(first, of: reader)
            await engine.until("the first parent is depleted") {
                engine.snapshot?.shards.contains { $0.phase == .depleted } ?? false
            }
            #expect(kinesis.count(.iterator(ShardID(number: 2))) == 0)
            engine.settle(second, of: reader)
            #expect(try await engine.read(1, from: reader) == ["child"])
            #expect(engine.snapshot?.shards.map(\.phase) == [.depleted, .depleted, .reading])
        }
    }

    @Test func `after a restart reading goes on in the children`() async throws {
        try await withEngine(settings: { $0.defaults.unreadBytes = 0 }) { engine, kinesis in
            try await kinesis.put("parent")
            try await kinesis.split(0)
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["parent"])
            await engine.until("the children are read") { reader.assignment.count == 2 }
            await engine.registry.shutDown(deadline: engine.loop.now)
            engine.restart()
            try await kinesis.put("left", to: 1)
            try await kinesis.put("right", to: 2)
            let next = try await engine.attach()
            #expect(Set(try await engine.read(2, from: next)) == ["left", "right"])
        }
    }

    @Test func `a reader that takes nothing stops the reading`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.recordLimit = 1
            for number in 0..<100 { try await kinesis.put("\(number)") }
            let reader = try await engine.attach(fromStart)
            let shard = ShardID(number: 0)
            await engine.until("a batch waits") { kinesis.count(.records(shard)) == 1 }
            await engine.loop.advance(by: .milliseconds(20))
            #expect(kinesis.count(.records(shard)) == 1)
            // One that is being written, and one behind it.
            _ = await Engine.delivery(from: reader)
            await engine.until("the next batch waits") { kinesis.count(.records(shard)) == 2 }
            await engine.loop.advance(by: .milliseconds(20))
            #expect(kinesis.count(.records(shard)) == 2)
            #expect(engine.registry.bufferedBytes > 0)
            reader.detach(.lost)
            await engine.until("all room is given back") { engine.registry.bufferedBytes == 0 }
        }
    }

    @Test func `records that become large all at once do not take more memory than there is`() async throws {
        let budget = 16 << 20
        try await withEngine(shards: 6, settings: { $0.maxBufferedBytes = budget }) { engine, kinesis in
            for shard in 0..<6 {
                for number in 0..<50 { try await kinesis.put("\(shard)-\(number)", to: shard) }
            }
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(300, from: reader).count == 300)
            kinesis.recordsTime = .milliseconds(20)
            let large = String(repeating: "x", count: 400_000)
            for shard in 0..<6 {
                for number in 10..<26 { try await kinesis.put("\(shard)-\(number)-" + large, to: shard) }
            }
            var texts: [String] = []
            var most = 0
            while texts.count < 96 {
                let next = try await engine.read(1, from: reader)
                guard !next.isEmpty else { break }
                texts += next
                most = max(most, engine.registry.bufferedBytes)
            }
            let names = texts.map { $0.prefix(4) }
            #expect(Set(names).count == 96 && names.count == 96)
            for shard in 0..<6 {
                let itsNames = names.filter { $0.hasPrefix("\(shard)") }
                #expect(itsNames == itsNames.sorted())
            }
            // An event of each shard, beside its answer, is not in the answer's room.
            #expect(most < budget + budget / 4, "\(most) bytes were held")
        }
    }

    @Test func `large single records stay within the room while nobody takes them`() async throws {
        let budget = 16 << 20
        try await withEngine(shards: 6, settings: { $0.maxBufferedBytes = budget }) { engine, kinesis in
            let large = String(repeating: "x", count: 3_000_000)
            for shard in 0..<6 {
                for number in 0..<2 { try await kinesis.put("\(shard)-\(number)-" + large, to: shard) }
            }
            let reader = try await engine.attach(fromStart)
            var most = 0
            for _ in 0..<200 {
                await engine.loop.advance(by: .milliseconds(1))
                most = max(most, engine.registry.bufferedBytes)
            }
            #expect(most > budget / 2 && most <= budget, "\(most) bytes were held")
            #expect(Set(try await engine.read(12, from: reader).map { $0.prefix(3) }).count == 12)
        }
    }

    @Test func `a reader that takes nothing and holds all the room is cut once another gets nothing`() async throws {
        let settings: @Sendable (inout EngineSettings) -> Void = {
            $0.maxBufferedBytes = 2 << 20
            $0.times.starving = .milliseconds(100)
        }
        try await withEngine(settings: settings) { engine, kinesis in
            try await kinesis.put(String(repeating: "x", count: 3_000_000))
            let stalled = try await engine.attach(fromStart)
            var isCut = false
            stalled.onCut = { isCut = true }
            #expect(await Engine.delivery(from: stalled) != nil)
            let other = try await engine.attach(fromStart, ("consumerGroup", "other"))
            #expect(try await engine.read(1, from: other).count == 1)
            #expect(isCut)
            other.detach(.orderly)
            let next = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: next).count == 1)
        }
    }

    @Test func `an expired iterator loses nothing and repeats nothing`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.recordLimit = 1
            let reader = try await engine.attach()
            kinesis.fail(.records(ShardID(number: 0)), FakeKinesis.error("ExpiredIteratorException"))
            try await kinesis.put("a", "b")
            #expect(try await engine.read(1, from: reader) == ["a"])
            kinesis.fail(.records(ShardID(number: 0)), FakeKinesis.error("ExpiredIteratorException"))
            #expect(try await engine.read(1, from: reader) == ["b"])
        }
    }

    @Test func `a throttled or denied shard does not hold the others up, and says why`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let throttled = FakeKinesis.error("ProvisionedThroughputExceededException")
            kinesis.fail(.records(ShardID(number: 0)), throttled, throttled, throttled, throttled, throttled)
            kinesis.fail(.iterator(ShardID(number: 0)), FakeKinesis.error("KMSAccessDeniedException"))
            try await kinesis.put("other", to: 1)
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["other"])
            #expect(engine.snapshot?.shards[0].phase == .degraded)
            #expect(engine.snapshot?.shards[0].problem?.contains("KMSAccessDeniedException") == true)
            let problems = engine.registry.problems.map(\.problem)
            #expect(problems.count == 1 && problems[0].hasPrefix("shardId-000000000000: KMSAccessDeniedException"))
        }
    }

    @Test func `a checkpoint that is refused is given up, in the store too`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            reader.detach(.orderly)
            await engine.store.flush()
            engine.restart()
            let refusal = FakeKinesis.error("InvalidArgumentException")
            kinesis.fail(.iterator(ShardID(number: 0)), refusal, refusal)
            let next = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: next) == ["a", "b"])
        }
    }

    @Test func `a stream that is made anew under a reader is read from its beginning`() async throws {
        try await withEngine { engine, kinesis in
            let reader = try await engine.attach()
            try await kinesis.put("a")
            #expect(try await engine.read(1, from: reader) == ["a"])
            try await kinesis.recreate()
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: reader) == ["b"])
            reader.detach(.orderly)
            await engine.store.flush()
            let state = try await engine.store.load(ConsumerKey(stream: kinesis.name, group: "kinesis-sidecar"))
            let creation = try await kinesis.creation
            #expect(state?.streamCreatedOn == creation)
        }
    }

    @Test func `what a deleted stream's batches settle while it is made anew says nothing of the new one`() async throws
    {
        try await withEngine { engine, kinesis in
            let reader = try await engine.attach(fromStart, ("limit", "1"))
            var old: [Delivery] = []
            for number in 0..<20 {
                try await kinesis.put("old \(number)")
                old.append(try #require(await Engine.delivery(from: reader)))
            }
            // All but one settle while the new positions are made and stored, and the old ones still stand.
            kinesis.onCall = { [old] call in
                guard call == .list else { return }
                engine.loop.spawn {
                    for delivery in old.dropLast() {
                        engine.loop.endOfTurn { engine.settle(delivery, of: reader) }
                        await engine.loop.nextTurn()
                    }
                }
            }
            let listings = kinesis.count(.list)
            try await kinesis.recreate()
            let key = ConsumerKey(stream: kinesis.name, group: "kinesis-sidecar")
            await engine.until("the new stream's shard is read") {
                kinesis.count(.list) > listings && engine.snapshot?.shards.first?.phase == .reading
            }
            engine.settle(old.last!, of: reader)
            let state = try #require(try await engine.store.load(key))
            let creation = try await kinesis.creation
            #expect(state.streamCreatedOn == creation)
            #expect(state.shards.map(\.checkpoint) == [nil])
            let logged = try await engine.store.sent(upTo: old.last!.id, of: key)
            #expect(logged == nil)
            try await kinesis.put("new")
            #expect(try await engine.read(1, from: reader) == ["new"])
        }
    }

    @Test func `new shards are found by listing, too`() async throws {
        try await withEngine { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("a")
            try await kinesis.split(0)
            try await kinesis.put("b", to: 1)
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            await engine.until("the end of a shard asks for a listing") { kinesis.count(.list) >= 2 }
        }
    }
}
