import FakeService
@testable import Gateway
import Kinesis
import Reactor
import Testing

/// What tells of every shard of every consumer does not hold the loop meanwhile.
@Suite struct GatewaySlicesTests {
    private static let wide = StreamName("wide")!
    private static let shards = 300
    /// So many of `shards` are looked at in one turn, at most.
    private static let slice = 64

    private static let looks: [(name: String, look: @Sendable (Gateway) async -> Void)] = [
        ("the consumers", { _ = await $0.services.consumers.snapshots() }),
        ("the metrics", { await $0.writeMetrics(MetricsText()) }),
        ("the event stats", { _ = await $0.statsMembers(of: wide) }),
        ("the stats of the process", { _ = await StreamStats.all($0.services) }),
    ]

    @Test(arguments: looks.indices)
    func `others have their turn while all shards are looked at`(index: Int) async throws {
        try await TestSidecar.run { sidecar in
            try await Task(executorPreference: sidecar.loop) {
                try await sidecar.kinesis.make(Self.wide, shards: Self.shards)
            }.value
            #expect(try sidecar.send("POST", "/streams/wide/start").status == 200)
            let turns = await Self.turns(sidecar, Self.looks[index].look)
            #expect(turns >= Self.shards / Self.slice, "\(Self.looks[index].name)")
        }
    }

    /// Confined to its loop.
    private final class Count: @unchecked Sendable {
        var turns = 0
        var isOver = false
    }

    /// How many turns of the loop others have during the work.
    private static func turns(
        _ sidecar: TestSidecar, _ work: @escaping @Sendable (Gateway) async -> Void
    ) async -> Int {
        await Task(executorPreference: sidecar.loop) {
            let count = Count()
            let others = sidecar.loop.spawn {
                while !count.isOver {
                    count.turns += 1
                    await sidecar.loop.nextTurn()
                }
            }
            await work(sidecar.gateway)
            count.isOver = true
            await others.value
            return count.turns
        }.value
    }
}
