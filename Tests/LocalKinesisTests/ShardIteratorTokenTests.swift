import Bytes
import Testing
import Time

@testable import LocalKinesis

private let now = WallTime(milliseconds: 1_700_000_000_000)

@Suite struct ShardIteratorTokenTests {
    private let token = ShardIteratorToken(
        stream: String(repeating: "s", count: 128), streamCreated: now, shardIndex: 12, ordinal: 1 << 38, issued: now)

    @Test func `what was given can be read, within the 512 characters of the service's model`() {
        #expect(ShardIteratorToken(token.text) == token)
        #expect(token.text.utf8.count <= 512)
    }

    @Test func `a change of any character is found`() {
        let text = Array(token.text.utf8)
        for place in text.indices {
            var garbled = text
            garbled[place] = garbled[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(ShardIteratorToken(String(decoding: garbled, as: UTF8.self)) == nil, "at \(place)")
        }
    }

    @Test func `a shortened, empty or foreign token is refused`() {
        let text = token.text
        for count in [0, 1, 4, 8, text.utf8.count - 4] {
            #expect(ShardIteratorToken(String(text.prefix(count))) == nil)
        }
        #expect(ShardIteratorToken("no base64!") == nil)
        #expect(ShardIteratorToken(Base64.encode(Array("0123456789abcdef/s/1/2/3/4".utf8))) == nil)
    }

    @Test func `an iterator lives for five minutes`() {
        #expect(!token.isExpired(now: now.advanced(by: .seconds(300))))
        #expect(token.isExpired(now: now.advanced(by: .milliseconds(300_001))))
    }
}
