import AWS
import Testing

@testable import S3

@Suite struct S3PlaceTests {
    private let region = Region("eu-central-1")!

    private func regional(
        _ addressing: S3Place.Addressing = .automatic, _ variant: EndpointVariant = EndpointVariant()
    ) -> S3Place {
        S3Place(
            region: region, endpoint: try! EndpointResolver.regional(.s3, region: region, variant), variant: variant,
            addressing: addressing)
    }

    private func emulator(_ addressing: S3Place.Addressing = .automatic) -> S3Place {
        S3Place(
            region: region, endpoint: Endpoint(scheme: .http, host: "minio", port: 9000), variant: nil,
            addressing: addressing)
    }

    @Test func `AWS is asked by host name, an emulator by path`() {
        let bucket = BucketName("orders")!
        #expect(regional().place(of: bucket, in: region).endpoint.host == "orders.s3.eu-central-1.amazonaws.com")
        #expect(regional().place(of: bucket, in: region).prefix == "")
        #expect(emulator().place(of: bucket, in: region).endpoint.authority == "minio:9000")
        #expect(emulator().place(of: bucket, in: region).prefix == "/orders")
    }

    @Test func `a name with dots stands in the path over TLS, whose certificate is for one label`() {
        let bucket = BucketName("orders.example.com")!
        let place = regional(.host).place(of: bucket, in: region)
        #expect(place.endpoint.host == "s3.eu-central-1.amazonaws.com" && place.prefix == "/orders.example.com")
        #expect(emulator(.host).place(of: bucket, in: region).endpoint.host == "orders.example.com.minio")
    }

    @Test func `either way can be asked for`() {
        let bucket = BucketName("orders")!
        #expect(regional(.path).place(of: bucket, in: region).prefix == "/orders")
        #expect(emulator(.host).place(of: bucket, in: region).endpoint.authority == "orders.minio:9000")
    }

    @Test func `a bucket of another region is asked there, but at an endpoint of one's own`() {
        let bucket = BucketName("orders")!
        let china = Region("cn-north-1")!
        #expect(regional().place(of: bucket, in: china).endpoint.host == "orders.s3.cn-north-1.amazonaws.com.cn")
        let variant = EndpointVariant(isFIPS: true, isDualStack: true)
        let other = regional(.automatic, variant).place(of: bucket, in: Region("us-east-1")!)
        #expect(other.endpoint.host == "orders.s3-fips.dualstack.us-east-1.amazonaws.com")
        let place = emulator().place(of: bucket, in: china)
        #expect(place.endpoint.host == "minio" && place.region == china)
    }

    @Test(arguments: [
        "ab", "Orders", "or_ders", "-orders", "orders-", ".orders", "a..b", String(repeating: "a", count: 64), "",
        "1.2.3.4", "192.168.5.4", "999.1.1.1", "xn--orders", "sthree-orders", "amzn-s3-demo-orders", "orders--ol-s3",
        "orders.mrap", "orders--usw2-az1--x-s3", "orders--table-s3",
    ])
    func `what S3 does not take is no bucket's name`(_ name: String) {
        #expect(BucketName(name) == nil)
    }

    @Test(arguments: [
        "abc", "orders.example.com", "1.2.3", "1.2.3.4.5", "1.2.3.d", "orders-s3alias",
        "orders-123456789012-eu-west-1-an",
        String(repeating: "a", count: 63),
    ])
    func `what S3 takes is a bucket's name`(_ name: String) {
        #expect(BucketName(name)?.text == name)
    }

    @Test(arguments: [
        (["orders"], "orders", true), (["orders"], "orders-2", false), (["orders*"], "orders-2", true),
        (["orders-*"], "orders", false), (["*"], "any.thing", true), (["a-a", "b-*"], "b-b", true),
        (["a-a", "b-*"], "c-c", false), ([], "orders", false),
    ])
    func `buckets are allowed by their names, or how those begin`(_ texts: [String], _ name: String, _ isIn: Bool) {
        let patterns = texts.compactMap(AllowedBuckets.Pattern.init)
        #expect(patterns.map(\.description) == texts)
        #expect(AllowedBuckets(patterns).contains(BucketName(name)!) == isIn)
    }

    @Test(arguments: ["", "or*ders", "*orders", "Orders*", "or ders*", "ab", "orders**", "1.2.3.4"])
    func `what can begin no bucket's name is refused`(_ text: String) {
        #expect(AllowedBuckets.Pattern(text) == nil)
    }
}
