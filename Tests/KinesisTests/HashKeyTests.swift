import Kinesis
import Testing

@Suite struct HashKeyTests {
    @Test func `a partition key's place is its MD5 as a big-endian number`() {
        // md5("") = d41d8cd98f00b204e9800998ecf8427e, md5("a") = 0cc175b9c0f1b6a831c399e269772661 (RFC 1321, A.5)
        #expect(HashKey(partitionKey: "").value == 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e)
        #expect(HashKey(partitionKey: "a").value == 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661)
    }

    @Test func `the wire's decimal both ways`() {
        let highest = "340282366920938463463374607431768211455"
        #expect(HashKey(highest) == .highest)
        #expect(HashKey.highest.description == highest)
        #expect(HashKey("0") == .lowest)
    }

    @Test(arguments: [
        "", "-1", "+1", "00", "01", "1.5", "1e3", " 1", "abc", "340282366920938463463374607431768211456",
        "999999999999999999999999999999999999999", "1000000000000000000000000000000000000000",
    ])
    func `what is no decimal below 2^128 is refused`(_ text: String) {
        #expect(HashKey(text) == nil)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 100, 1000, 1024])
    func `an even division covers the ring without a gap`(_ count: Int) {
        let ranges = HashKeyRange.even(count)
        #expect(ranges.count == count)
        #expect(ranges.first?.start == .lowest)
        #expect(ranges.last?.end == .highest)
        for (left, right) in zip(ranges, ranges.dropFirst()) {
            #expect(left.isFollowed(by: right))
            #expect(left.end.value - left.start.value == ranges[0].end.value - ranges[0].start.value)
        }
    }

    /// As the service divides: floor(2^128 / 3) in the first two, the rest in the last.
    @Test func `three shards have the service's own bounds`() {
        let ends = HashKeyRange.even(3).map(\.end.description)
        #expect(
            ends == [
                "113427455640312821154458202477256070484", "226854911280625642308916404954512140969",
                "340282366920938463463374607431768211455",
            ])
        #expect(HashKeyRange.even(2)[0].end.description == "170141183460469231731687303715884105727")
    }

    @Test func `a range contains both of its ends and nothing beyond`() throws {
        let range = try #require(HashKeyRange(start: HashKey(10 as UInt128), end: HashKey(20 as UInt128)))
        #expect([9, 10, 20, 21].map { range.contains(HashKey($0 as UInt128)) } == [false, true, true, false])
        #expect(HashKeyRange(start: HashKey(2 as UInt128), end: HashKey(1 as UInt128)) == nil)
        #expect(!HashKeyRange.all.isFollowed(by: .all))
    }
}
