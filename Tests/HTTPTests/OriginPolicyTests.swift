import Testing

@testable import HTTP

@Suite struct OriginPolicyTests {
    private let policy = OriginPolicy(
        allowedHosts: ["Sidecar.internal"], allowedOrigins: ["https://App.example"])

    @Test(arguments: [
        "localhost", "LOCALHOST:8700", "127.0.0.1:8700", "10.1.2.3", "[::1]:8700", "[2001:db8::1]", "sidecar.internal",
        "SIDECAR.internal:80", "localhost.", "localhost.:8700", "sidecar.internal.", "127.0.0.1.:80",
    ])
    func `a host that is ours is served`(_ host: String) throws {
        #expect(try check(["Host": host]) == nil)
    }

    @Test(arguments: [
        "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0", "256.0.0.1", "1.2.3.4.5", "",
        "localhost..", ".", "evil.example.", "0x7f000001", "[v1.a]",
    ])
    func `a host that is not ours gets 421`(_ host: String) throws {
        #expect(try check(["Host": host]) == .foreignHost(host))
        #expect(OriginPolicy.Refusal.foreignHost(host).status.rawValue == 421)
    }

    @Test func `a star stands for every name below, and not for the name itself`() throws {
        let policy = OriginPolicy(allowedHosts: ["*.Cluster.local"])
        func check(_ host: String) throws -> OriginPolicy.Refusal? {
            policy.check(try HTTPRequest(method: .get, target: "/", headers: ["Host": host]))
        }
        for host in ["a.cluster.local", "a.b.CLUSTER.local:8700"] { #expect(try check(host) == nil) }
        for host in ["cluster.local", ".cluster.local", "acluster.local", "a.cluster.local.evil", "*.cluster.locals"] {
            #expect(try check(host) == .foreignHost(host))
        }
    }

    @Test func `a name is allowed with the root's dot, and without`() throws {
        let policy = OriginPolicy(allowedHosts: ["a.internal.", "*.Cluster.local."])
        for host in ["a.internal", "a.internal.", "b.cluster.local.", "b.cluster.local"] {
            #expect(policy.check(try HTTPRequest(method: .get, target: "/", headers: ["Host": host])) == nil)
        }
    }

    @Test func `the host of an absolute target counts`() throws {
        let request = try HTTPRequest(method: .get, target: "http://evil.example/", headers: ["Host": "localhost"])
        #expect(policy.check(request) == .foreignHost("evil.example"))
    }

    @Test func `a page of this server may ask`() throws {
        #expect(try check(["Host": "localhost:8700", "Origin": "http://localhost:8700"]) == nil)
        #expect(try check(["Host": "LocalHost", "Origin": "http://localhost:80"]) == nil)
        #expect(try check(["Host": "[::1]:8700", "Origin": "http://[::1]:8700"]) == nil)
    }

    @Test(arguments: [
        "http://evil.example", "http://localhost:3000", "https://localhost:8700", "null", "", "http://localhost:87001",
    ])
    func `a foreign origin gets 403`(_ origin: String) throws {
        #expect(try check(["Host": "localhost:8700", "Origin": origin]) == .foreignOrigin(origin))
        #expect(OriginPolicy.Refusal.foreignOrigin(origin).status == .forbidden)
    }

    @Test func `an allowed origin may ask from another site`() throws {
        let headers: HTTPHeaders = [
            "Host": "localhost", "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site",
        ]
        #expect(try check(headers) == nil)
        #expect(
            try check(["Host": "localhost", "Origin": "https://app.example", "origin": "http://evil"])
                == .foreignOrigin("http://evil"))
    }

    @Test func `another site gets 403`() throws {
        for site in ["cross-site", "same-site", "CROSS-SITE", "new-word"] {
            #expect(
                try check(["Host": "localhost", "Sec-Fetch-Site": site]) == .foreignSite(site.lowercased()))
        }
        for site in ["same-origin", "none"] {
            #expect(try check(["Host": "localhost", "Sec-Fetch-Site": site]) == nil)
        }
    }

    private func check(_ headers: HTTPHeaders) throws -> OriginPolicy.Refusal? {
        policy.check(try HTTPRequest(method: .get, target: "/", headers: headers))
    }
}
