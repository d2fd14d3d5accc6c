import AWS
import Bytes
import Testing
import XML

@testable import S3

@Suite struct LifecycleTests {
    private let orders = ExpiryRule(
        id: "kinesis-sidecar-ttl-orders", prefix: "kinesis-sidecar/orders/", days: .atLeast(2))

    private func read(_ text: String) throws -> Lifecycle {
        var limits = XMLLimits()
        limits.bytes = 1 << 20
        let body = ByteBuffer(text)
        return Lifecycle(rules: try XMLReader.read(body.bytes, limits: limits).all("Rule"))
    }

    private let foreign = """
        <LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>logs &amp; more</ID>\
        <Filter><And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>\
        <Status>Enabled</Status><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>\
        </LifecycleConfiguration>
        """

    @Test func `ours is added and others stay as they are`() throws {
        let before = try read(foreign)
        let after = try #require(before.adding([orders]))
        #expect(after.rules.count == 2 && after.rules[0] == before.rules[0])
        #expect(after.rules[1]["Filter"]?["Prefix"]?.text == "kinesis-sidecar/orders/")
        #expect(after.rules[1]["Expiration"]?["Days"]?.text == "2")
        #expect(after.adding([orders]) == nil, "nothing is written twice")
    }

    @Test func `a second stream in the bucket gets a rule too`() throws {
        let events = ExpiryRule(id: "kinesis-sidecar-ttl-events", prefix: "kinesis-sidecar/events/", days: .atLeast(8))
        let after = try #require(Lifecycle().adding([orders])?.adding([events]))
        #expect(after.rules.map { $0["ID"]?.text } == ["kinesis-sidecar-ttl-orders", "kinesis-sidecar-ttl-events"])
    }

    @Test func `by itself a rule is only made longer, by the option it is made what that says`() throws {
        func rule(_ days: ExpiryRule.Days) -> ExpiryRule { ExpiryRule(id: "r", prefix: "p/", days: days) }
        let found = try #require(Lifecycle().adding([rule(.exactly(5))]))
        #expect(found.adding([rule(.atLeast(3))]) == nil)
        #expect(found.adding([rule(.atLeast(7))])?.rules[0]["Expiration"]?["Days"]?.text == "7")
        #expect(found.adding([rule(.exactly(3))])?.rules[0]["Expiration"]?["Days"]?.text == "3")
    }

    @Test func `what stands in a header beside the rules goes back with them`() {
        let lifecycle = Lifecycle(rules: [], leastSize: "varies_by_storage_class").adding([orders])
        let request = PutBucketLifecycleConfiguration(lifecycle ?? Lifecycle()).request()
        #expect(request.headers.contains { $0.value == "varies_by_storage_class" })
        #expect(request.headers.contains { $0.name == "content-md5" })
        #expect(request.query.map(\.name) == ["lifecycle"])
    }
}
