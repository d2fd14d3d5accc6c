import AWS
import FakeService
import Kinesis
import Reactor
import S3
import ScriptedService
import Testing

@testable import Consumer

/// Shards whose readers leave, move and begin anew while large items are being fetched, over real connections.
@Suite(.timeLimit(.minutes(4))) struct ShardItemsTests {
    @Test func `items of a response are fetched together, and come in their order`() async throws {
        try await withItems { world in
            try await world.put(["a", "b", "c", "d", "e", "f"])
            let reader = try await world.engine.attach(fromStart)
            await world.until("some are asked for") { world.items.asked.count == 4 }
            #expect(world.items.asked == ["a", "b", "c", "d"], "a turn is left for those that others need")
            world.items.release()
            #expect(try await world.texts(6, from: reader) == ["a", "b", "c", "d", "e", "f"])
            #expect(world.items.asked.count == 6, "none is asked for twice")
            await world.expectNothingHeld()
        }
    }

    @Test func `what is fetched ahead and does not fit is fetched when its record needs it`() async throws {
        // A quarter of it is for items that are not needed yet.
        try await withItems(settings: { $0.maxBufferedBytes = 1 << 20 }) { world in
            world.items.size = 300_000
            try await world.put(["a", "b", "c"])
            let reader = try await world.engine.attach(fromStart)
            await world.until("some are asked for") { world.items.asked.count == 3 }
            world.items.release()
            let texts = try await world.texts(3, from: reader)
            #expect(texts.map { $0.first } == ["a", "b", "c"] && texts.allSatisfy { $0.count == 300_000 })
            #expect(world.items.asked == ["a", "b", "c", "b", "c"])
            await world.expectNothingHeld()
        }
    }

    @Test func `a reader that is lost takes nothing with it, and its records come to the next`() async throws {
        try await withItems { world in
            try await world.put(["a", "b", "c"])
            let first = try await world.engine.attach(fromStart)
            await world.until("all are asked for") { world.items.asked.count == 3 }
            #expect(world.transport.transferCount == 3)
            first.detach(.lost)
            // S3 has answered nothing.
            await world.expectNothingHeld()
            let second = try await world.engine.attach()
            world.items.release()
            #expect(try await world.texts(3, from: second) == ["a", "b", "c"])
            await world.expectNothingHeld()
        }
    }

    @Test func `a shard that is revoked lets go of its items, and whoever has it next gets them`() async throws {
        try await withItems(shards: 2) { world in
            try await world.put(["a", "b"], to: 0)
            try await world.put(["c", "d"], to: 1)
            let first = try await world.engine.attach(fromStart)
            await world.until("all are asked for") { world.items.asked.count == 4 }
            let second = try await world.engine.attach()
            let moved = try #require(second.assignment.first)
            let (stays, moves) = moved == ShardID(number: 1) ? (["a", "b"], ["c", "d"]) : (["c", "d"], ["a", "b"])
            await world.until("it is asked for again") { world.items.asked.dropFirst(4).first == moves[0] }
            await world.until("those of the other reader are gone") {
                world.transport.transferCount == world.items.asked.count - 2
            }
            world.items.release()
            #expect(try await world.texts(2, from: first) == stays)
            #expect(try await world.texts(2, from: second) == moves)
            await world.expectNothingHeld()
        }
    }

    @Test func `a shard that begins anew elsewhere lets go of its items`() async throws {
        try await withItems { world in
            try await world.put(["a", "b"])
            let reader = try await world.engine.attach(fromStart)
            await world.until("both are asked for") { world.items.asked.count == 2 }
            _ = try await world.engine.registry.seek(world.kinesis.name, group: nil, SeekRequest(.trimHorizon))
            await world.until("they are asked for again") { world.items.asked.count > 2 }
            await world.until("those from before are gone") {
                world.transport.transferCount == world.items.asked.count - 2
            }
            world.items.release()
            #expect(try await world.texts(2, from: reader) == ["a", "b"])
            await world.expectNothingHeld()
        }
    }

    @Test func `a shard that ends behind its items is read out, and its children are`() async throws {
        try await withItems { world in
            try await world.put(["a", "b"])
            try await world.kinesis.split(0)
            try await world.put(["c"], to: 1)
            let reader = try await world.engine.attach(fromStart)
            await world.until("both are asked for") { world.items.asked.count == 2 }
            world.items.release()
            #expect(try await world.texts(3, from: reader) == ["a", "b", "c"])
            await world.expectNothingHeld()
        }
    }

    @Test func `nothing of an engine that is shut down stays`() async throws {
        try await withItems { world in
            try await world.put(["a", "b"])
            _ = try await world.engine.attach(fromStart)
            await world.until("both are asked for") { world.items.asked.count == 2 }
            await world.engine.registry.shutDown(deadline: world.loop.now)
            await world.expectNothingHeld()
        }
    }

    @Test func `of a bucket that is not allowed nothing is asked for`() async throws {
        let allowed = AllowedBuckets(["others", "ite*"].compactMap(AllowedBuckets.Pattern.init))
        try await withItems(allowed: allowed) { world in
            world.items.release()
            try await world.kinesis.put(#"{"@S3Item":{"bucket":"secrets","key":"s"}}"#)
            try await world.put(["a"])
            let reader = try await world.engine.attach(fromStart)
            let delivery = try #require(await Engine.delivery(from: reader))
            #expect(delivery.batch.payload.text.contains("itemBucketNotAllowed"))
            #expect(delivery.batch.payload.text.contains("s3.allowedBuckets (others,ite*)"))
            world.engine.settle(delivery, of: reader)
            #expect(try await world.texts(1, from: reader) == ["a"])
            #expect(world.items.asked == ["a"])
            await world.expectNothingHeld()
        }
    }
}

/// An engine whose S3 answers when it is told to. Confined to its loop.
private final class World: @unchecked Sendable {
    let engine: Engine
    let kinesis: FakeKinesis
    let items: HeldItems
    let store: ItemStore
    let transport: Transport
    let loop: EventLoop

    init(_ engine: Engine, _ kinesis: FakeKinesis, _ items: HeldItems, _ store: ItemStore, _ transport: Transport) {
        self.engine = engine
        self.kinesis = kinesis
        self.items = items
        self.store = store
        self.transport = transport
        loop = engine.loop
    }

    /// Records that point to the items with these keys.
    func put(_ keys: [String], to shard: Int = 0) async throws {
        for key in keys { try await kinesis.put(#"{"@S3Item":{"bucket":"items","key":"\#(key)"}}"#, to: shard) }
    }

    /// The data of so many records, each settled.
    func texts(_ count: Int, from reader: RecordsReader) async throws -> [String] {
        var texts: [String] = []
        let patience = loop.schedule(after: .seconds(20)) {
            Issue.record("records did not come in time")
            reader.detach(.lost)
        }
        defer { loop.cancel(patience) }
        while texts.count < count, let delivery = await Engine.delivery(from: reader) {
            texts += try Engine.texts(delivery)
            engine.settle(delivery, of: reader)
        }
        return texts
    }

    func until(_ what: String, _ isTrue: () -> Bool) async {
        let deadline = loop.now + .seconds(20)
        while !isTrue() {
            guard loop.now < deadline else {
                Issue.record("not in time: \(what)")
                return
            }
            await loop.nextTurn()
        }
    }

    /// Neither room, nor a turn, nor a transfer.
    func expectNothingHeld() async {
        await until("no transfer is under way") { transport.transferCount == 0 && store.getsUnderWay == 0 }
        await until("no room is held") { engine.registry.bufferedBytes == 0 }
        #expect(engine.registry.context.budget.waiting == 0)
    }
}

/// An S3 whose objects say their keys, once they are released. Confined to its loop.
private final class HeldItems: @unchecked Sendable {
    private(set) var asked: [String] = []
    /// Of each object; nil: the length of its key.
    var size: Int?
    private var gate: Gate?

    func hold(on loop: EventLoop) { gate = Gate(loop: loop) }

    func release() {
        gate?.open()
        gate = nil
    }

    func answer(_ request: ScriptedService.Request) -> ScriptedService.Answer {
        let key = String(request.path.split(separator: "/").last ?? "")
        asked.append(key)
        return .init(body: size.map { String(repeating: key, count: $0) } ?? key, behind: gate)
    }
}

private func withItems(
    shards: Int = 1, allowed: AllowedBuckets = .any,
    settings: @escaping @Sendable (inout EngineSettings) -> Void = { _ in },
    _ body: @escaping @Sendable (World) async throws -> Void
) async throws {
    let items = HeldItems()
    try await ScriptedService.run(.s3, { items.answer($0) }) { client, transport in
        items.hold(on: client.loop)
        let store = ItemStore(S3Client(client, variant: nil), allowed: allowed, logger: Engine.logger)
        try await FakeKinesis.run(on: client.loop, shards: shards) { kinesis in
            let engine = try await Engine(kinesis, client.loop, items: store) {
                $0.defaults.useS3ForLargeItems = true
                settings(&$0)
            }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(World(engine, kinesis, items, store, transport)))
            } catch {
                result = .failure(error)
            }
            await engine.registry.shutDown(deadline: client.loop.now)
            items.release()
            kinesis.hangUp()
            await engine.store.close()
            try result.get()
        }
    }
}
