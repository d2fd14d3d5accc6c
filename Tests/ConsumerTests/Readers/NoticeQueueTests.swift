import Kinesis
import Testing

@testable import Consumer

@Suite struct NoticeQueueTests {
    private let shard = ShardID(number: 0)

    private func taken(_ changes: ShardNotice.Change...) -> [ShardNotice.Change] {
        var queue = NoticeQueue()
        for change in changes { queue.append(ShardNotice(shard: shard, change: change)) }
        var all: [ShardNotice.Change] = []
        while case .shard(let notice) = queue.popFirst() { all.append(notice.change) }
        return all
    }

    @Test func `a shard that comes and goes unheard is not spoken of`() {
        #expect(taken(.assigned, .revoked) == [])
        #expect(taken(.assigned, .depleted) == [.depleted])
        #expect(taken(.assigned, .revoked, .assigned) == [.assigned])
    }

    @Test func `one that goes and comes back is told in that order, however often`() {
        #expect(taken(.revoked, .assigned) == [.revoked, .assigned])
        #expect(taken(.revoked, .assigned, .revoked, .assigned, .revoked) == [.revoked])
    }

    @Test func `a shard that leaves or ends is told behind its coming, and not once it is gone`() {
        #expect(taken(.assigned, .leaving) == [.assigned, .leaving])
        #expect(taken(.assigned, .ending, .depleted) == [.depleted])
        #expect(taken(.leaving, .revoked) == [.revoked])
        #expect(taken(.assigned, .leaving, .revoked) == [])
    }

    @Test func `of a shard's problems the last one is told, and what concerns no shard is kept`() {
        var queue = NoticeQueue()
        queue.append(.lastEventUnknown("x", places: []))
        queue.append(.shardDegraded(shard, reason: "one"))
        queue.append(.shardDegraded(shard, reason: "two"))
        queue.append(ShardNotice(shard: shard, change: .assigned))
        var told: [String] = []
        while let event = queue.popFirst() { told.append("\(event)") }
        #expect(told.count == 3 && told[0].hasPrefix("shard") && told[2].contains("two"))
    }

    @Test func `of the delivery log no more than its last change is told`() {
        var queue = NoticeQueue()
        for _ in 1...3 {
            queue.append(.deliveryLogOff(reason: "full"))
            queue.append(.deliveryLogOn)
        }
        #expect(queue.isEmpty)
        queue.append(.deliveryLogOff(reason: "full"))
        guard case .problem(.deliveryLogOff) = queue.popFirst() else { return #expect(Bool(false)) }
        queue.append(.deliveryLogOn)
        guard case .problem(.deliveryLogOn) = queue.popFirst() else { return #expect(Bool(false)) }
        #expect(queue.isEmpty)
    }
}
