import Testing

@testable import AWS

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://localhost:4567", "http://localhost:4567/", "localhost:4567"),
        ("HTTPS://Kinesis.Example.COM", "https://kinesis.example.com/", "kinesis.example.com"),
        ("https://h:443/", "https://h/", "h"),
        ("http://h:443", "http://h:443/", "h:443"),
        ("http://[::1]:4567/base/path", "http://[::1]:4567/base/path", "[::1]:4567"),
        ("http://10.0.0.1/%20x", "http://10.0.0.1/%20x", "10.0.0.1"),
        ("http://local_stack:1", "http://local_stack:1/", "local_stack:1"),
    ])
    func `a URL is read and written`(text: String, url: String, authority: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.url == url)
        #expect(endpoint.authority == authority)
        #expect(try Endpoint(url) == endpoint)
    }

    @Test(arguments: [
        ("https://kinesis.eu-central-1.amazonaws.com", true), ("https://kinesis.cn-north-1.amazonaws.com.cn", true),
        ("https://vpce-0a-1b.kinesis.eu-west-1.vpce.amazonaws.com", true), ("https://kinesis.eu-west-1.api.aws", true),
        ("https://kinesis.eusc-de-east-1.amazonaws.eu", true), ("https://kinesis.us-iso-east-1.c2s.ic.gov", true),
        ("http://localhost:4567", false), ("https://kinesis.example.com", false),
        ("https://amazonaws.com.example", false), ("https://notamazonaws.com", false),
    ])
    func `AWS's own hosts are known`(text: String, isOfAWS: Bool) throws {
        #expect(try Endpoint(text).isOfAWS == isOfAWS)
    }

    @Test(arguments: [
        ("localhost:4567", EndpointError.scheme("localhost:4567")),
        ("ftp://x", .scheme("ftp://x")), ("", .scheme("")),
        ("http://", .host("http://")), ("http:///x", .host("http:///x")), ("http://a b", .host("http://a b")),
        ("http://[::1", .host("http://[::1")), ("http://[::g]", .host("http://[::g]")),
        ("http://[::1]x", .host("http://[::1]x")), ("http://a..b", .host("http://a..b")),
        ("http://x:", .port("")), ("http://x:0", .port("0")), ("http://x:65536", .port("65536")),
        ("http://x:+1", .port("+1")), ("http://x:a", .port("a")),
        ("http://u:p@x", .unexpected("http://u:p@x")), ("http://x/?a", .unexpected("http://x/?a")),
        ("http://x#f", .unexpected("http://x#f")),
        ("http://x/a b", .path("/a b")), ("http://x/%zz", .path("/%zz")), ("http://x/é", .path("/é")),
    ])
    func `what is no endpoint is told`(text: String, error: EndpointError) {
        #expect(throws: error) { try Endpoint(text) }
    }

    @Test(arguments: [
        ("http://u:hush@x/y", "http://•••@x/y"), ("http://x/y?token=hush", "http://x/y?•••"),
        ("http://u:hush?hush@x#hush", "http://u:hush?•••"), ("http://x#hush", "http://x#•••"),
        ("http://@x?", "http://•••@x?•••"), ("http://x/a", "http://x/a"), ("x@y", "x@y"), ("ftp://u@x", "ftp://•••@x"),
    ])
    func `a URL is shown without what may be a secret`(text: String, shown: String) {
        #expect(Endpoint.masked(text) == shown)
        guard text != shown else { return }
        #expect(!"\(EndpointError.unexpected(text))".contains(text) && !"\(EndpointError.host(text))".contains(text))
    }

    @Test func `option, AWS_REGION, AWS_DEFAULT_REGION, profile name the region in this order`() throws {
        let profile = Profile(name: "p", settings: ["region": "eu-west-4"])
        func region(_ option: String?, _ variables: [String: String], _ profile: Profile?) throws -> String {
            try EndpointResolver.region(option: option, environment: Environment(variables), profile: profile).name
        }
        let both = ["AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"]
        #expect(try region("eu-west-1", both, profile) == "eu-west-1")
        #expect(try region(nil, both, profile) == "eu-west-2")
        #expect(try region(nil, ["AWS_DEFAULT_REGION": "eu-west-3", "AWS_REGION": ""], profile) == "eu-west-3")
        #expect(try region(nil, [:], profile) == "eu-west-4")
        #expect(throws: EndpointError.regionMissing) { try region(nil, [:], nil) }
        for bad in ["EU", "eu/", "-eu", "eu.evil.com", String(repeating: "a", count: 33)] {
            #expect(throws: EndpointError.region(bad)) { try region(bad, [:], nil) }
        }
    }

    @Test func `the services section of the config file gives endpoints`() throws {
        let config = try ConfigFile(
            """
            [profile dev]
            services = local
            endpoint_url = http://all
            [services local]
            kinesis =
              endpoint_url = http://localhost:4567
            """, name: "config")
        let profile = SharedConfig(config: config, credentials: nil, files: []).profile("dev")
        #expect(profile?.endpoint(service: .kinesis) == "http://localhost:4567")
        #expect(profile?.endpoint(service: .dynamoDB) == "http://all")
    }

    @Test(arguments: [
        "127.0.0.1", "127.255.0.9", "localhost", "localhost.", "x.localhost", "::1", "0:0:0:0:0:0:0:1",
        "169.254.169.254", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:127.0.0.1", "::ffff:169.254.170.2",
        "fd00:ec2::254",
    ])
    func `loopback and link-local never go through a proxy`(host: String) {
        #expect(IPAddress.isLoopbackOrLinkLocal(host))
        let proxies = ProxySettings(Environment(["ALL_PROXY": "http://proxy"]))
        #expect(proxies.proxy(for: Endpoint(scheme: .https, host: host)) == nil)
    }

    @Test(arguments: [
        "128.0.0.1", "169.255.0.1", "localhost.example.com", "mylocalhost", "::2", "::", "fec0::1", "127.1", "fd00::1",
        "kinesis.eu-central-1.amazonaws.com", "127.0.0.1.example.com", "127.0.0.256",
    ])
    func `every other host does`(host: String) {
        #expect(!IPAddress.isLoopbackOrLinkLocal(host))
        let proxies = ProxySettings(Environment(["HTTPS_PROXY": "http://proxy", "HTTP_PROXY": "http://not-read"]))
        #expect(proxies.proxy(for: Endpoint(scheme: .https, host: host)) == Secret("http://proxy"))
        #expect(proxies.proxy(for: Endpoint(scheme: .http, host: host)) == nil)
    }
}
