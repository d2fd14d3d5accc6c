import DynamoDB
import Kinesis
import Recordings
import State
import Testing
import Time

@testable import Consumer

/// One member's view of the pool; how several go about it `LeaseWalkTests` shows.
@Suite struct ConsumerPoolTests {
    private let now = ContinuousClock.now
    private let me = MemberID("me")

    private func moment(_ seconds: Int = 0) -> GroupMoment {
        GroupMoment(
            instant: now + .seconds(seconds),
            wall: WallTime(milliseconds: 1_700_000_000_000).advanced(by: .seconds(seconds)))
    }

    /// A pool of a group with at most so many consumers, of which unused ones go after 30 s.
    private func pool(most: Int = 5, hasFallback: Bool = false) -> ConsumerPool {
        var options = ConsumerOptions()
        options.maxEnhancedConsumers = most
        options.enhancedConsumerIdleTimeout = .seconds(30)
        options.enhancedFanOutFallback = hasFallback
        let member = GroupMember(
            id: me, appName: "a", host: "h", pid: 1, startedOn: nil, heartbeat: nil, isActive: true,
            isStandalone: false, leaseDuration: .seconds(20))
        return ConsumerPool(member, of: "billing", settings: ConsumerPool.Settings(options))
    }

    /// An item with these consumers, each by its name with who has it.
    private func item(_ consumers: [String: MemberID?]) -> GroupItem {
        let records = consumers.mapValues { user in
            AttributeValue.map([
                "arn": .string("arn"), "isStandalone": false, "version": "v",
                "isUsedBy": user.map { .string($0.text) } ?? .null,
            ])
        }
        let named = Dictionary(
            uniqueKeysWithValues: records.map { name, record in
                (name, AttributeValue.map((record.map ?? [:]).merging(["arn": .string(name)]) { $1 }))
            })
        return GroupItem(
            [
                "consumers": .map(["me": .map([:]), "other": .map([:])]), "enhancedConsumers": .map(named),
                "shards": [:],
            ],
            place: .shared)
    }

    private func locked(_ actions: [ConsumerPool.Action]) -> [String] {
        actions.compactMap { if case .lock(let consumer) = $0 { consumer.name } else { nil } }
    }

    /// Two members of lifion-kinesis and two consumers: what ours would do at each moment that was recorded.
    @Test func `beside lifion-kinesis the free one is taken, and none that another has`() throws {
        var decisions: [[String]] = []
        for json in try LifionRecording("enhanced-fan-out").moments {
            var pool = pool(most: 2)
            let item = GroupItem(try AttributeValue.item(json, path: "Item"), place: .shared)
            let actions = pool.looked(at: item, isWanted: true, now: moment())
            #expect(locked(actions).count == actions.count && pool.errand(now: now) == nil)
            decisions.append(locked(actions))
        }
        let (first, second) = ("lifion-kinesis-mT5Q9Yv4M5aNxUJ3jZkzPq", "lifion-kinesis-paMwrJKL6Rc8ZFV7wn1oyB")
        #expect(decisions == [[second], [second], [], [], [], [first], [first], [], [], []])
    }

    @Test func `a free one is taken, checked, and then subscribed as`() {
        var pool = pool()
        let actions = pool.looked(at: item(["a": nil, "b": MemberID("other")]), isWanted: true, now: moment())
        #expect(locked(actions) == ["a"] && pool.way == nil)
        _ = pool.looked(at: item(["a": me, "b": MemberID("other")]), isWanted: true, now: moment())
        #expect(pool.errand(now: now) == .check(ConsumerARN("a")))
        pool.done(
            .check(ConsumerARN("a")), .there(RegisteredConsumer(name: "a", arn: ConsumerARN("a"), status: .active)),
            now: now)
        #expect(pool.way == .fanOut(ConsumerARN("a")) && pool.errand(now: now) == nil)
    }

    @Test func `one is registered only where none is free and there may be more`() {
        var pool = pool(most: 2)
        _ = pool.looked(at: item(["a": MemberID("other")]), isWanted: true, now: moment())
        guard case .obtain(_, _, besides: ["a"])? = pool.errand(now: now) else { return #expect(Bool(false)) }
        _ = pool.looked(at: item(["a": MemberID("other"), "b": MemberID("other")]), isWanted: true, now: moment())
        #expect(pool.errand(now: now) == nil && !pool.isBusy(now: now))
    }

    @Test func `what a member has that is not in the group is released`() {
        var pool = pool()
        let actions = pool.looked(at: item(["a": MemberID("dead")]), isWanted: true, now: moment())
        guard case .release(let consumer)? = actions.first else { return #expect(Bool(false)) }
        #expect(consumer.name == "a" && actions.count == 1)
    }

    @Test func `an idle one that another member takes first is not deregistered, nor when it is had later`() {
        var pool = pool()
        _ = pool.looked(at: item(["a": me, "b": nil]), isWanted: true, now: moment())
        let actions = pool.looked(at: item(["a": me, "b": nil]), isWanted: true, now: moment(31))
        #expect(locked(actions) == ["b"])
        _ = pool.looked(at: item(["a": me, "b": MemberID("other")]), isWanted: true, now: moment(32))
        _ = pool.looked(at: item(["b": me]), isWanted: true, now: moment(33))
        #expect(pool.errand(now: now) == .check(ConsumerARN("b")))
    }

    @Test func `idle ones are deregistered one after the other, and the last one stays`() {
        var pool = pool()
        _ = pool.looked(at: item(["a": nil, "b": nil, "c": nil]), isWanted: false, now: moment())
        #expect(
            locked(pool.looked(at: item(["a": nil, "b": nil, "c": nil]), isWanted: false, now: moment(31))) == ["a"])
        let actions = pool.looked(at: item(["a": me, "b": nil, "c": nil]), isWanted: false, now: moment(32))
        #expect(actions == [] && pool.errand(now: now) == .deregister(ConsumerARN("a")))
        pool.done(.deregister(ConsumerARN("a")), .gone, now: now)
        let further = pool.looked(at: item(["a": me, "b": nil, "c": nil]), isWanted: false, now: moment(33))
        guard case .remove(let removed)? = further.first else { return #expect(Bool(false)) }
        #expect(removed.name == "a" && locked(further) == ["b"])
        #expect(locked(pool.looked(at: item(["c": nil]), isWanted: false, now: moment(90))) == [])
    }

    @Test(arguments: [false, true]) func `a limit keeps a member waiting, or has it poll where that is wanted`(
        hasFallback: Bool
    ) {
        var pool = pool(hasFallback: hasFallback)
        _ = pool.looked(at: item([:]), isWanted: true, now: moment())
        guard let errand = pool.errand(now: now) else { return #expect(Bool(false)) }
        pool.done(errand, .failed(reason: "limit", isLasting: true), now: now)
        #expect(pool.way == (hasFallback ? .polling(insteadOf: "limit") : nil))
        #expect(pool.errand(now: now) == nil && pool.errand(now: now + .seconds(60)) == errand)
    }
}
