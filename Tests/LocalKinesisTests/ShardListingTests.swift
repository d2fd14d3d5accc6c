import Kinesis
import Testing
import Time

@testable import LocalKinesis

private func time(_ seconds: Int64) -> WallTime { WallTime(milliseconds: 1_700_000_000_000 + seconds * 1000) }

/// Shards 0 and 1 from the beginning; 0 was split into 2 and 3 at 100 s; 2 and 3 were merged into 4 at 200 s.
private func resharded() throws -> LocalStream {
    var stream = LocalStream(name: "s", shardCount: 2, mode: .provisioned, created: time(0))
    try stream.split(0, at: HashKey(1 << 100), now: time(100))
    try stream.merge(2, 3, now: time(200))
    return stream
}

@Suite struct ShardListingTests {
    private func listed(_ filter: ShardListing.Filter, of stream: LocalStream) -> [Int] {
        var listing = ShardListing(stream: "s", streamCreated: time(0))
        listing.filter = filter
        return listing.page(of: stream.orderedShards).shards.map(\.index)
    }

    @Test func `each filter chooses what the service says`() throws {
        let stream = try resharded()
        #expect(listed(.all, of: stream) == [0, 1, 2, 3, 4])
        #expect(listed(.fromTrimHorizon, of: stream) == [0, 1, 2, 3, 4])
        #expect(listed(.atTrimHorizon, of: stream) == [0, 1])
        #expect(listed(.atLatest, of: stream) == [1, 4])
        #expect(listed(.atTimestamp(time(50)), of: stream) == [0, 1])
        #expect(listed(.atTimestamp(time(150)), of: stream) == [1, 2, 3])
        #expect(listed(.atTimestamp(time(250)), of: stream) == [1, 4])
        #expect(listed(.fromTimestamp(time(150)), of: stream) == [1, 2, 3, 4])
        #expect(listed(.fromTimestamp(time(250)), of: stream) == [1, 4])
        #expect(listed(.afterShard("shardId-000000000002"), of: stream) == [3, 4])
    }

    @Test func `where parents are trimmed away the trim horizon begins with their children`() throws {
        var stream = try resharded()
        let expired = stream.expireShards(now: time(24 * 3600 + 150))
        #expect(expired.map(\.index) == [0])
        #expect(listed(.atTrimHorizon, of: stream) == [1, 2, 3])
    }

    @Test(arguments: 1...6) func `pages of any size give every shard once and end without a token`(size: Int) throws {
        let stream = try resharded()
        var listing: ShardListing? = ShardListing(stream: "s", streamCreated: time(0), pageSize: size)
        var seen: [Int] = []
        while let asked = listing {
            let page = asked.page(of: stream.orderedShards)
            #expect(page.shards.count <= size)
            seen += page.shards.map(\.index)
            listing = page.next
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }

    @Test(arguments: [
        ShardListing.Filter.all, .afterShard("shardId-000000000002"), .atTrimHorizon, .fromTrimHorizon, .atLatest,
        .atTimestamp(time(3)), .fromTimestamp(time(4)),
    ])
    func `a token goes on with the same listing`(filter: ShardListing.Filter) throws {
        let listing = ShardListing(
            stream: "a.b-c_d", streamCreated: time(0), filter: filter, afterIndex: 6, pageSize: 7)
        let read = try #require(ShardListing.read(token: listing.token(issued: time(9))))
        #expect(read.listing == listing)
        #expect(read.issued == time(9))
    }

    @Test func `a garbled token is refused`() {
        let text = ShardListing(stream: "s", streamCreated: time(0)).token(issued: time(0))
        for place in text.indices {
            var garbled = text
            garbled.replaceSubrange(place...place, with: text[place] == "A" ? "B" : "A")
            #expect(ShardListing.read(token: garbled) == nil)
        }
        #expect(ShardListing.read(token: "") == nil)
        #expect(ShardListing.read(token: "garbage") == nil)
    }
}
