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
    ])
    func `what S3 does not take is no bucket's name`(_ name: String) {
        #expect(BucketName(name) == nil)
    }
}
