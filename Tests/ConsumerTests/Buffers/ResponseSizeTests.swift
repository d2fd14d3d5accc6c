import Testing

@testable import Consumer

@Suite struct ResponseSizeTests {
    @Test func `in room for any response as many records are asked for as the option says`() {
        var size = ResponseSize(isBehind: true)
        #expect(size.next == ResponseSize.most)
        #expect(size.records(in: ResponseSize.most, atMost: 10_000) == 10_000)
    }

    @Test func `large records make requests smaller, small ones larger again, by and by`() {
        var size = ResponseSize(isBehind: false)
        #expect(size.records(in: 1 << 20, atMost: 10_000) == 4)
        size.received(bytes: 4 * 200_000, records: 4, isBehind: false)
        #expect(size.records(in: 1 << 20, atMost: 10_000) == 2)
        var asked: [Int] = []
        for _ in 0..<12 {
            let records = size.records(in: 1 << 20, atMost: 10_000)
            asked.append(records)
            size.received(bytes: records * 300, records: records, isBehind: false)
        }
        #expect(asked == asked.sorted() && asked.last! > 1000)
        #expect(size.records(in: 1 << 20, atMost: 100) == 100)
        #expect(size.records(in: 1, atMost: 100) == 1)
    }

    @Test(arguments: [1_100_000, 4 << 20, 13 << 20])
    func `a response that finds no room is asked for in smaller parts, down to one record`(bytes: Int) {
        var size = ResponseSize(isBehind: false)
        for _ in 0..<10 {
            let records = size.records(in: 1 << 20, atMost: 10_000)
            size.received(bytes: records * 50, records: records, isBehind: false)
        }
        var asked = size.records(in: 1 << 20, atMost: 10_000)
        #expect(asked > 1000)
        while asked > 1 {
            size.refused(bytes: bytes)
            let less = size.records(in: 1 << 20, atMost: 10_000)
            #expect(less < asked)
            asked = less
        }
        #expect(size.next >= min(bytes, ResponseSize.most))
    }

    @Test(arguments: [1_100_000, 13 << 20, 20 << 20])
    func `one record for which there is no room is asked for again once there is room for all of it`(bytes: Int) {
        var size = ResponseSize(isBehind: false)
        #expect(size.leastRoom == ResponseSize.least)
        _ = size.records(in: size.leastRoom, atMost: 1)
        size.refused(bytes: bytes)
        #expect(size.leastRoom > bytes && size.next >= size.leastRoom)
        #expect(size.records(in: size.leastRoom, atMost: 10_000) == 1)
        for _ in 0..<20 { size.received(bytes: 100, records: 1, isBehind: false) }
        #expect(size.leastRoom == ResponseSize.least)
    }

    @Test func `a shard that catches up asks for twice as much when it got all that it asked for`() {
        var size = ResponseSize(isBehind: false)
        let records = size.records(in: 1 << 20, atMost: 10_000)
        size.received(bytes: 5000, records: records, isBehind: true)
        #expect(size.next == 2 << 20)
        size.received(bytes: 5000, records: 1, isBehind: false)
        #expect(size.next == 1 << 20)
    }
}
