import Bytes
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(4))) struct TransportSecurityTests {
    @Test func `a self-signed certificate is refused`() async throws {
        let server = TestServer(tls: TestCertificate()) { _ in .ok("never") }
        defer { server.stop() }
        try await withTransport { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try TransportTests.request(server.url))
            }
            guard case .tls = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test func `with its file the certificate is accepted, and the connection is used again`() async throws {
        let certificate = TestCertificate()
        let server = TestServer(tls: certificate) { received in .ok("\(received.connection).\(received.request)") }
        defer { server.stop() }
        var options = quietOptions()
        options.certificateFile = certificate.file
        for options in [options, quietOptions(["AWS_CA_BUNDLE": certificate.file])] {
            try await withTransport(options) { transport in
                let first = try await transport.send(try TransportTests.request(server.url)).body.text
                let second = try await transport.send(try TransportTests.request(server.url)).body.text
                #expect(first.hasSuffix(".1"))
                #expect(second == first.dropLast() + "2")
            }
        }
    }

    @Test func `a certificate of another name is refused`() async throws {
        let certificate = TestCertificate()
        let server = TestServer(tls: certificate) { _ in .ok("never") }
        defer { server.stop() }
        var options = quietOptions()
        options.certificateFile = certificate.file
        try await withTransport(options) { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try TransportTests.request("https://127.0.0.1:\(server.port)"))
            }
            guard case .tls = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a CA file that is not there is told`() async throws {
        var options = quietOptions()
        options.certificateFile = "/nowhere/ca.pem"
        let server = TestServer(tls: TestCertificate()) { _ in .ok("never") }
        defer { server.stop() }
        try await withTransport(options) { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try TransportTests.request(server.url))
            }
            guard case .tls = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `the proxy of the environment is used, but never for loopback`() async throws {
        let proxy = TestServer { received in .ok("proxied " + received.head.prefix { !$0.isNewline }) }
        let server = TestServer { _ in .ok("direct") }
        defer {
            proxy.stop()
            server.stop()
        }
        let options = quietOptions(["http_proxy": proxy.url, "https_proxy": proxy.url])
        try await withTransport(options) { transport in
            let far = try await transport.send(try TransportTests.request("http://kinesis.example.invalid/p"))
            #expect(far.body.text == "proxied POST http://kinesis.example.invalid/p HTTP/1.1")
            for host in ["127.0.0.1", "localhost"] {
                let near = try await transport.send(try TransportTests.request("http://\(host):\(server.port)"))
                #expect(near.body.text == "direct")
            }
        }
        #expect(proxy.connections == 1)
    }

    @Test func `a host that NO_PROXY names is reached directly`() async throws {
        let proxy = TestServer { _ in .ok("proxied") }
        defer { proxy.stop() }
        let options = quietOptions(["http_proxy": proxy.url, "NO_PROXY": "other,.example.invalid"])
        try await withTransport(options) { transport in
            await #expect(throws: TransportError.nameNotResolved(host: "kinesis.example.invalid")) {
                try await transport.send(try TransportTests.request("http://kinesis.example.invalid/"))
            }
        }
        #expect(proxy.connections == 0)
    }
}
