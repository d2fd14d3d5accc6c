import Kinesis
import Testing

@testable import Consumer

/// The real machines of several groups on one shard, with a clock that the test moves.
@Suite struct ReadPacesTests {
    private typealias Instant = ContinuousClock.Instant

    private let start = ContinuousClock.now
    private let shard = ReadPaces.Key(stream: StreamName("orders")!, shard: ShardID(number: 0))

    private func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    /// The calls of so many groups in a minute, by group: each polls as often as its delays allow, and its responses hold
    /// records or none as chance has it. Room and wake-ups come late now and then.
    private func calls(groups: Int, pollDelay: Duration, seed: UInt64) -> [[Instant]] {
        var random = SplitMix64(seed: seed)
        var paces = ReadPaces()
        var options = ConsumerOptions()
        options.pollDelay = pollDelay
        let settings = PollingSource.Settings(options, callTimeout: .seconds(30))
        var sources = (0..<groups).map { _ in
            PollingSource(
                shard: shard, settings: settings, iterator: ShardIterator("i"), seed: random.next(), now: start)
        }
        var calls = Array(repeating: [Instant](), count: groups)
        var now = start
        while now < start + .seconds(60) {
            for index in sources.indices.shuffled(using: &random) {
                switch sources[index].next(now: now, credit: true, position: .trimHorizon, paces: &paces) {
                case .takePermit: break
                case .getRecords:
                    calls[index].append(now)
                    sources[index].received(.response(bytes: 1000), now: now)
                case .encode:
                    let records = Int.random(in: 0...1, using: &random)
                    sources[index].received(.slice(records: records), now: now)
                    let envelope = GetRecordsEnvelope(next: .iterator(ShardIterator("i")), millisBehindLatest: 0)
                    sources[index].received(.responseEnd(envelope), now: now)
                case .wait, .askIterator, .subscribe, .receive, .announceEnd, .end: break
                }
                if case .takingPermit = sources[index].state, Int.random(in: 0..<20, using: &random) > 0 {
                    sources[index].received(.permit(room: ResponseSize.least), now: now)
                }
            }
            now += .milliseconds(Int.random(in: 1...30, using: &random))
        }
        return calls
    }

    @Test(arguments: [1, 2, 3, 5, 12], [Duration.zero, .milliseconds(250)])
    func `groups of one process read a shard five times a second together, and none starves`(
        groups: Int, pollDelay: Duration
    ) {
        for seed in 0..<3 as Range<UInt64> {
            let calls = calls(groups: groups, pollDelay: pollDelay, seed: seed)
            let all = calls.flatMap { $0 }.sorted()
            #expect(zip(all.dropFirst(5), all).count { $0 < $1 + .seconds(1) } == 0)
            // Each gets its share, or as much as it wants: an empty response is followed after a second.
            let share = 60 * 4 / max(groups, 5)
            let patience = .seconds(2) + ReadPaces.period * (groups / 5 + 1)
            for own in calls {
                #expect(own.count > share / 2)
                #expect(zip(own.dropFirst(), own).count { $0 - $1 >= patience } == 0)
            }
        }
    }

    @Test func `turns are given in the order in which they are asked for, and one that is given back is had again`() {
        var paces = ReadPaces()
        for _ in 0..<5 { #expect(paces.call(shard, turn: paces.take(shard, now: start), now: start) == nil) }
        let turns = (0..<6).map { _ in paces.take(shard, now: at(10)) }
        #expect(turns == Array(repeating: at(1050), count: 5) + [at(2100)])
        paces.giveBack(shard, turn: at(1050))
        paces.giveBack(shard, turn: at(2100))
        #expect(paces.take(shard, now: at(10)) == at(1050))
        #expect(paces.take(shard, now: at(10)) == at(2100))
    }

    @Test func `a turn that is used late leaves when five calls have not left since, and else in its place`() {
        var paces = ReadPaces()
        let late = paces.take(shard, now: start)
        for call in 1...5 { _ = paces.call(shard, turn: paces.take(shard, now: at(2000)), now: at(2000 + call)) }
        #expect(paces.call(shard, turn: late, now: at(2100)) == at(3051))
        #expect(paces.call(shard, turn: at(3051), now: at(3051)) == nil)
    }

    @Test func `groups and tails of one engine take their turns from one place`() async throws {
        try await withEngine { engine, kinesis in
            let begun = engine.loop.now
            let readers = [
                try await engine.attach(fromStart), try await engine.attach(fromStart, ("consumerGroup", "other")),
                try await engine.registry.watch(
                    kinesis.name, NamedOptions([("noRecordsPollDelay", "250")], from: .query)),
            ]
            await engine.until("they poll") { kinesis.count(.records(shard.shard)) > 10 }
            // Eleven calls take two periods, whoever makes them.
            #expect(engine.loop.now - begun >= .seconds(2))
            for reader in readers { reader.detach(.orderly) }
        }
    }

    @Test func `shards have a pace each, and one that nobody asks for is forgotten`() {
        var paces = ReadPaces()
        for number in 0..<100 {
            let key = ReadPaces.Key(stream: shard.stream, shard: ShardID(number: number))
            for _ in 0..<5 { #expect(paces.call(key, turn: paces.take(key, now: start), now: start) == nil) }
        }
        #expect(paces.count == 100)
        _ = paces.take(shard, now: at(25_000))
        #expect(paces.count == 1)
    }
}
