import AWS
import Testing

@testable import Client

@Suite struct SidecarAddressTests {
    @Test(arguments: [
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700", "/livez"),
        ("localhost:8700", "http://localhost:8700", "/livez"),
        ("https://[::1]:8700/", "https://[::1]:8700", "/livez"),
        ("https://example/kinesis/", "https://example/kinesis/", "/kinesis/livez"),
        ("unix:/run/s.sock", "unix:/run/s.sock", "/livez"), ("unix:///run/s.sock", "unix:/run/s.sock", "/livez"),
    ])
    func `addresses are read as people write them`(_ text: String, _ shown: String, _ path: String) throws {
        let address = try SidecarAddress(text, from: "--url")
        #expect(address.description == shown)
        #expect(address.path("/livez") == path)
    }

    @Test(arguments: ["", "http://", "http://a b", "unix:", "localhost:0", "http://u:p@h"])
    func `what is none is refused with what is accepted`(_ text: String) {
        let error = #expect(throws: ClientError.self) { try SidecarAddress(text, from: "--url") }
        #expect(error?.description.hasPrefix("--url: ") == true)
    }

    @Test func `nobody there is told with what to do`() {
        let error = ClientError.transport(
            .notConnected(reason: "Failed to connect to 127.0.0.1 port 8700: Couldn't connect: Connection refused"),
            .standard)
        #expect(
            error.description
                == "nothing answers at http://127.0.0.1:8700 (connection refused): is the sidecar running? "
                + "--url names another")
    }

    @Test func `a problem is its title and its detail, anything else its status and first line`() {
        let problem = ClientError.Refusal(status: 404, body: "{\"title\":\"T\",\"detail\":\"d\",\"code\":\"c\"}")
        #expect(ClientError.refused(problem).description == "T: d")
        #expect(
            ClientError.refused(.init(status: 502, body: "<html>\nmore")).description == "status 502: <html>")
    }

    @Test func `of a PEM file the first certificate counts`() {
        let block = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"
        #expect(SmallInput.firstCertificate(in: "text\n\(block)\(block)") == block)
        #expect(SmallInput.firstCertificate(in: "-----BEGIN CERTIFICATE-----\nAA\n") == nil)
    }
}
