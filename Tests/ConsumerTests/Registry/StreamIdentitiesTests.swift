import Kinesis
import Testing
import Time

@testable import Consumer

@Suite struct StreamIdentitiesTests {
    private let name = StreamName("orders")!
    private let own = StreamARN("arn:aws:kinesis:us-east-1:000000000001:stream/orders")!
    private let other = StreamARN("arn:aws:kinesis:us-east-1:000000000002:stream/orders")!

    private func summary(_ arn: StreamARN) -> StreamSummary {
        StreamSummary(
            name: arn.name, arn: arn.text, status: .active, creation: WallTime(milliseconds: 1), openShards: 1,
            retentionHours: 24, encryption: "NONE", mode: .provisioned, maxRecordBytes: 1 << 20)
    }

    @Test func `a name is what it is`() {
        #expect(StreamIdentities(account: nil).identity(of: name) == .known(name))
    }

    @Test func `once the account is known, an ARN of it is the name, and any other one itself`() {
        var identities = StreamIdentities(account: nil)
        #expect(identities.identity(of: StreamName(own)) == .unknown(own))
        identities.saw(summary(own))
        #expect(identities.identity(of: StreamName(own)) == .known(name))
        #expect(identities.identity(of: StreamName(other)) == .known(StreamName(other)))
    }

    @Test func `an ARN that alone leads to a stream is of another account until one's own is known`() {
        var identities = StreamIdentities(account: nil)
        identities.isForeign(StreamName(other))
        #expect(identities.identity(of: StreamName(other)) == .known(StreamName(other)))
        #expect(identities.identity(of: StreamName(own)) == .unknown(own))
        identities.saw(summary(other))
        #expect(identities.identity(of: StreamName(other)) == .known(name))
    }

    @Test func `an account that is known from the start asks for nothing`() {
        #expect(StreamIdentities(account: own.account).identity(of: StreamName(own)) == .known(name))
    }
}
