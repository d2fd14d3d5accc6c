import Glibc
import Kinesis
import Logging
import Reactor
import TestSupport
import Testing
import Time

@testable import State

private let orders = ConsumerKey(stream: StreamName("orders")!, group: "billing")
private let ordersNow = ConsumerIncarnation(orders, streamCreatedOn: WallTime(milliseconds: 1))
private let one = ShardID(number: 1)
private let two = ShardID(number: 2)
private let reader = ReaderID("0000000a")!

/// "9": behind the record 9; "9/4": behind its user record 4.
private func at(_ place: String) -> Checkpoint {
    let parts = place.split(separator: "/")
    return Checkpoint(
        sequenceNumber: SequenceNumber(String(parts[0]))!,
        subSequenceNumber: parts.dropFirst().first.flatMap { Int($0) }, arrival: WallTime(milliseconds: 7))
}

/// A store with one consumer, closed behind the test.
private func withStore(
    limits: DeliveryLogLimits = DeliveryLogLimits(),
    _ body: @escaping @Sendable (StateStore) async throws -> Void
) async throws {
    try await onLoop { loop in
        let store = try await StateStore.open(
            path: nil, loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, logLimits: limits)
        try await store.begin(orders, ConsumerState(streamCreatedOn: WallTime(milliseconds: 1)))
        try await body(store)
        await store.close()
    }
}

extension StateStore {
    fileprivate func joined(_ reader: ReaderID, unreadBytes: Int = 100) {
        note(.readerJoined(reader, at: .now(), unreadBytes: unreadBytes, following: nil), of: ordersNow)
    }

    /// Events of one shard, each of 10 bytes, from behind the first number to each of the others.
    fileprivate func sent(
        _ shard: ShardID, _ places: String..., from number: Int, by reader: ReaderID = reader,
        of consumer: ConsumerIncarnation = ordersNow, under seek: SeekID? = nil
    ) {
        for (index, (before, last)) in zip(places, places.dropFirst()).enumerated() {
            note(
                .delivered(
                    DeliveredEvent(
                        id: EventID(reader: reader, number: number + index), shard: shard, before: at(before),
                        last: at(last), endOffset: (number + index) * 10,
                        sentOn: WallTime(milliseconds: Int64(number + index)), seek: seek, records: 1)), of: consumer)
        }
    }
}

@Suite struct DeliveryLogTests {
    @Test func `an event id is a reader's id and a number, and nothing else is one`() {
        #expect(EventID("5f2c81d0-41") == EventID(reader: ReaderID("5f2c81d0")!, number: 41))
        #expect(EventID("5f2c81d0-41")?.description == "5f2c81d0-41")
        for text in [
            "", "-", "5f2c81d0", "5f2c81d0-", "5f2c81d0-0", "5f2c81d0-01", "5f2c81d0--1", "5F2C81D0-1", "5f2c81d-1",
            "5f2c81d00-1", "5f2c81dg-1", "5f2c81d0-1234567890123456", " 5f2c81d0-1", "5f2c81d0-1 ", "5f2c81d0-٣",
        ] { #expect(EventID(text) == nil, "\(text)") }
    }

    @Test func `what was sent after an event is told by shard, from the earliest place to the furthest`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "5", "9", "10", from: 1)
            store.sent(two, "20", "30", from: 3)
            // The shard began again further back; a batch that was withdrawn has left a gap in the numbers.
            store.sent(one, "7", "99", from: 9)
            let all = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(
                all
                    == SentAfter(
                        stretches: [
                            one: SentAfter.Stretch(before: at("7"), last: at("99")),
                            two: SentAfter.Stretch(before: at("20"), last: at("30")),
                        ], readers: [reader], isWhole: true))
            let none = try await store.sent(after: EventID(reader: reader, number: 9), of: orders)
            #expect(none == SentAfter(stretches: [:], readers: [reader], isWhole: true))
            // Newer than the log: everything there is was sent before.
            let newer = try await store.sent(after: EventID(reader: reader, number: 50), of: orders)
            #expect(newer == none)
            let unknown = try await store.sent(after: EventID("ffffffff-1")!, of: orders)
            #expect(unknown == nil)
        }
    }

    @Test func `a record's end lies behind every part of it`() async throws {
        try await withStore { store in
            store.note(.add([ShardState(id: one, parents: [], start: .trimHorizon)]), of: ordersNow)
            store.joined(reader)
            store.sent(one, "8", "9/0", "9/2", "9/10", "9", from: 1)
            let sent = try await store.sent(after: EventID(reader: reader, number: 2), of: orders)
            #expect(sent?.stretches == [one: SentAfter.Stretch(before: at("9/2"), last: at("9"))])
            let furthest = try await store.furthestSent(one, under: nil, of: orders).now
            #expect(furthest == at("9"))
            #expect(try await store.unacknowledged(of: orders)[one]?.last == at("9"))
            store.sent(one, "9", "10/1", from: 5)
            let more = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(more?.stretches == [one: SentAfter.Stretch(before: at("9/0"), last: at("10/1"))])
            let lost = try await store.lostReaders(of: orders)
            #expect(lost.map(\.unread) == [[one: at("8")]])
        }
    }

    @Test(arguments: [true, false])
    func `what was sent of a shard before its last seek does not come again, and is told apart`(isStored: Bool)
        async throws
    {
        try await withStore { store in
            let seek = SeekID("s1")
            store.note(.add([one, two].map { ShardState(id: $0, parents: [], start: .trimHorizon) }), of: ordersNow)
            store.joined(reader)
            store.sent(one, "5", "9", "10", from: 1)
            store.sent(two, "20", "30", from: 3)
            if isStored { try await store.commitNoted() }
            let sought = ShardState(id: one, parents: [], start: .since(WallTime(milliseconds: 3)), seek: seek)
            store.note(.seek([sought]), of: ordersNow)
            // What was in a socket then is told of behind it.
            store.sent(one, "10", "11", from: 4)
            let after = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(after?.stretches == [two: SentAfter.Stretch(before: at("20"), last: at("30"))])
            let upTo = try await store.sent(upTo: EventID(reader: reader, number: 4), of: orders)
            #expect(upTo?[one] == SentEvent(number: 4, last: at("11")) && upTo?[one]?.seek != seek)
            let furthest = try await store.furthestSent(one, under: seek, of: orders)
            #expect(furthest == FurthestSent(now: nil, before: at("11")))
            let unacknowledged = try await store.unacknowledged(of: orders)
            #expect(unacknowledged.keys.sorted() == [two])
            store.sent(one, "6", "7", from: 5, under: seek)
            let again = try await store.furthestSent(one, under: seek, of: orders)
            #expect(again == FurthestSent(now: at("7"), before: at("11")))
            let lost = try await store.lostReaders(of: orders)
            #expect(lost.map(\.unread) == [[one: at("6"), two: at("20")]])
            let loaded = try await store.load(orders)
            #expect(loaded?.shards.first == sought)
        }
    }

    @Test func `what was sent up to an event is the last record of each shard, which may have begun again`()
        async throws
    {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "5", "9", "10", "8", from: 1)
            store.sent(two, "20", "30", from: 4)
            let three = try await store.sent(upTo: EventID(reader: reader, number: 3), of: orders)
            #expect(three == [one: SentEvent(number: 3, last: at("8"))])
            let four = try await store.sent(upTo: EventID(reader: reader, number: 4), of: orders)
            let last = SentEvent(number: 4, last: at("30"))
            #expect(four == [one: SentEvent(number: 3, last: at("8")), two: last])
            let five = try await store.sent(upTo: EventID(reader: reader, number: 5), of: orders)
            #expect(five == nil)
            let furthest = try await store.furthestSent(one, under: nil, of: orders).now
            #expect(furthest == at("10"))
            let nothing = try await store.furthestSent(ShardID(number: 9), under: nil, of: orders).now
            #expect(nothing == nil)
        }
    }

    @Test func `what cannot be stored yet counts as sent, beside what is, up to the event and no further`() async throws
    {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let folder = TemporaryFolder()
            let store = try await StateStore.open(
                path: folder.path + "/state.db", loop: loop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await store.begin(orders, ConsumerState(streamCreatedOn: WallTime(milliseconds: 1)))
            store.joined(reader)
            store.sent(one, "5", "9", from: 1)
            store.sent(two, "20", "30", from: 2)
            await store.flush()
            // The file can be read on.
            #expect(rename(folder.path + "/state.db", folder.path + "/away") == 0)
            store.sent(one, "9", "10", "11", from: 3)
            #expect(
                try await store.sent(upTo: EventID(reader: reader, number: 3), of: orders) == [
                    one: SentEvent(number: 3, last: at("10")), two: SentEvent(number: 2, last: at("30")),
                ])
            #expect(store.health != .writable)
            #expect(
                try await store.sent(upTo: EventID(reader: reader, number: 1), of: orders) == [
                    one: SentEvent(number: 1, last: at("9"))
                ])
            #expect(try await store.sent(upTo: EventID(reader: reader, number: 5), of: orders) == nil)
            #expect(try await store.furthestSent(one, under: nil, of: orders).now == at("11"))
            #expect(try await store.furthestSent(two, under: nil, of: orders).now == at("30"))
            await #expect(throws: StateError.self) {
                _ = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            }
            await store.close()
            withExtendedLifetime(folder) {}
        }
    }

    @Test func `losses that nobody could ask for are forgotten, and what comes behind that is not`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "5", "9", from: 1)
            store.note(.lossesForgotten(at: .now()), of: ordersNow)
            let later = ReaderID("0000000b")!
            store.joined(later)
            store.sent(one, "9", "10", from: 1, by: later)
            let lost = try await store.lostReaders(of: orders)
            #expect(lost == [LostReader(id: later, unread: [one: at("9")])])
            let after = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(after != nil, "the log itself stays")
        }
    }

    @Test func `readers that were connected when the process died are lost, with their last bytes`() async throws {
        try await withStore { store in
            let (left, settled) = (ReaderID("0000000b")!, ReaderID("0000000c")!)
            for id in [reader, left, settled] { store.joined(id, unreadBytes: 25) }
            store.sent(one, "1", "2", "3", "4", "5", from: 1)
            for id in [left, settled] { store.sent(two, "1", "2", from: 1, by: id) }
            store.note(.readerEnded(left, at: .now(), isLost: false), of: ordersNow)
            store.note(.readerEnded(settled, at: .now(), isLost: true), of: ordersNow)
            store.note(.lossesSettled([settled]), of: ordersNow)
            let lost = try await store.lostReaders(of: orders)
            #expect(lost == [LostReader(id: reader, unread: [one: at("2")])])
            store.note(.lossesSettled([reader]), of: ordersNow)
            let others = try await store.lostReaders(of: orders)
            #expect(others == [])
        }
    }

    @Test func `another stream of the name has another log`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "1", "2", from: 1)
            try await store.begin(orders, ConsumerState(streamCreatedOn: WallTime(milliseconds: 1)))
            let kept = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(kept != nil)
            try await store.begin(orders, ConsumerState(streamCreatedOn: WallTime(milliseconds: 2)))
            let gone = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(gone == nil)
        }
    }

    @Test func `an event of an earlier stream of the name is not logged, though its reader has joined the new one`()
        async throws
    {
        try await withStore { store in
            store.joined(reader)
            let earlier = ConsumerIncarnation(orders, streamCreatedOn: WallTime(milliseconds: 0))
            store.sent(one, "1", "2", from: 1, of: earlier)
            let dropped = try await store.sent(upTo: EventID(reader: reader, number: 1), of: orders)
            #expect(dropped == nil)
            store.sent(one, "1", "2", from: 1)
            let kept = try await store.sent(upTo: EventID(reader: reader, number: 1), of: orders)
            #expect(kept != nil)
        }
    }

    @Test func `the log is held within its limits, but for what a connected reader may not have read`() async throws {
        var limits = DeliveryLogLimits()
        limits.eventsOfReader = 5
        limits.eventsOfEndedReader = 2
        limits.endedReaders = 1
        limits.changesBetweenPrunings = 1
        try await withStore(limits: limits) { store in
            let (first, second) = (ReaderID("0000000b")!, ReaderID("0000000c")!)
            store.joined(reader, unreadBytes: 75)
            store.joined(first)
            store.joined(second)
            store.sent(one, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", from: 1)
            for id in [first, second] { store.sent(two, "0", "1", "2", "3", "4", from: 1, by: id) }
            store.note(.readerEnded(first, at: WallTime(milliseconds: 1), isLost: false), of: ordersNow)
            store.note(.readerEnded(second, at: .now(), isLost: false), of: ordersNow)
            // The event that ends at byte 20 is the last that lies before the unread 75 of 90.
            let whole = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(whole?.isWhole == true && whole?.stretches[one]?.before == at("1"))
            let pruned = try await store.sent(after: EventID(reader: second, number: 1), of: orders)
            #expect(pruned?.isWhole == false && pruned?.stretches[two]?.before == at("2"))
            let rest = try await store.sent(after: EventID(reader: second, number: 2), of: orders)
            #expect(rest?.isWhole == true)
            let forgotten = try await store.sent(after: EventID(reader: first, number: 1), of: orders)
            #expect(forgotten == nil)
        }
    }

    @Test func `what ended too long ago is forgotten`() async throws {
        var limits = DeliveryLogLimits()
        limits.changesBetweenPrunings = 1
        try await withStore(limits: limits) { store in
            store.joined(reader)
            let yesterday = WallTime.now().advanced(by: .seconds(-25 * 3600))
            store.note(.readerEnded(reader, at: yesterday, isLost: false), of: ordersNow)
            let forgotten = try await store.sent(after: EventID(reader: reader, number: 1), of: orders)
            #expect(forgotten == nil)
        }
    }
}
