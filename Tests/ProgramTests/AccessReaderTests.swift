import AWS
import Gateway
import HTTPServer
import Kinesis
import Testing

@testable import kinesis_sidecar

/// Who may do what, as the file says it.
@Suite struct AccessReaderTests {
    private static let digest = Digest.sha256("secret").hex

    private func read(_ file: String, _ arguments: [String] = []) -> SettingsReader {
        SettingsReader(
            commandLine: CommandLineArguments(arguments), environment: EnvironmentSettings([]),
            file: ConfigFileSettings(Array(file.utf8), path: "f.yaml"))
    }

    private static let tls = "tls: {certificateFile: c, keyFile: k, clientCAFile: a}\n"

    @Test func `tokens and names of clients are read with their verbs and streams`() throws {
        let file = """
            tokens:
              - name: app
                sha256: \(Self.digest.uppercased())
                streams: [orders, audit-*]
                verbs: [read, checkpoint]
              - {name: all, sha256: '\(String(repeating: "0", count: 64))', verbs: admin}
            tls:
              certificateFile: c
              keyFile: k
              clientCAFile: a
              clientNames:
                - {name: Spiffe://Example/app, verbs: [put], streams: orders}
                - {name: APP.example, verbs: [put]}
                - {name: "::1", verbs: [read]}
            """
        let reader = read(file)
        try #require(reader.mistakes.isEmpty, "\(reader.mistakes)")
        let access = reader.settings.access
        #expect(access.tokens.map(\.grant.name) == ["app", "all"])
        #expect(access.tokens.map(\.grant.verbs) == [[.read, .checkpoint], [.admin]])
        #expect(access.tokens.map(\.grant.streams) == [StreamScope(["orders", "audit-*"]), .all])
        #expect(access.tokens[0].digest == Digest.sha256("secret"))
        #expect(access.clients.map(\.name) == [.uri("Spiffe://Example/app"), .dns("app.example"), .ip("::1")])
        #expect(access.clients[0].grant.streams == StreamScope(["orders"]))
        // What is printed says the same.
        let again = read(ConfigurationReport(reader, target: nil).text + "\n")
        #expect(again.mistakes.isEmpty, "\(again.mistakes)")
        #expect(again.settings.access == access)
    }

    @Test(arguments: [
        ("tokens: x", "f.yaml:1 tokens: must be a list of mappings, each with a name"),
        ("tokens: []", "f.yaml:1 tokens: the list is empty"),
        ("tokens: [x]", "f.yaml:1 tokens[0]: each entry must be a mapping with a name"),
        (
            "tokens:\n- {sha256: D, verbs: [read]}",
            "f.yaml:2 tokens[0]: the entry has no name; accepted: 1 to 128 characters"
        ),
        (
            "tokens:\n- {name: a, verbs: [read]}",
            "f.yaml:2 tokens[0]: the entry \"a\" has no sha256; accepted: the token's SHA-256 as 64 hexadecimal digits"
        ),
        (
            "tokens:\n- {name: a, sha256: hush, verbs: [read]}",
            "f.yaml:2 tokens[0].sha256: the entry \"a\": the value is not accepted; accepted: the token's SHA-256 as 64"
        ),
        (
            "tokens:\n- {name: a, sha256: D, verbs: [read, write]}",
            "f.yaml:2 tokens[0].verbs: the entry \"a\": \"write\" is not accepted; accepted: read, checkpoint, put and admin"
        ),
        (
            "tokens:\n- {name: a, sha256: D}",
            "f.yaml:2 tokens[0]: the entry \"a\" has no verbs; accepted: read, checkpoint, put and admin"
        ),
        (
            "tokens:\n- {name: a, sha256: D, verbs: [read], streams: [a b]}",
            "f.yaml:2 tokens[0].streams: the entry \"a\": \"a b\" is not accepted; accepted: streams' names or ARNs, or the beginning of one"
        ),
        (
            "tokens:\n- {name: a, sha256: D, verbs: [read], stream: x}",
            "f.yaml:2 tokens[0].stream: the entry \"a\": there is no such member; accepted: name, sha256, streams and verbs"
        ),
        (
            "tokens:\n- {name: [a, b], sha256: D, verbs: [read]}",
            "f.yaml:2 tokens[0].name: the entry \"a\": takes one value and no list"
        ),
        (
            "tokens:\n- {name: a, sha256: D, verbs: [read]}\n- {name: b, sha256: D, verbs: [read]}",
            "f.yaml:3 tokens[1].sha256: the entry \"b\": is another entry's too"
        ),
        (
            "tokens:\n- {name: a, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, verbs: [read]}",
            "f.yaml:2 tokens[0].sha256: the entry \"a\": is that of an empty token"
        ),
        ("tls.clientNames:\n- {name: a, verbs: [read]}", "f.yaml:2 tls.clientNames[0]: needs tls.clientCAFile"),
        (
            "tls.clientNames:\n- {name: 'a b', verbs: [read]}",
            "f.yaml:2 tls.clientNames[0].name: the entry \"a b\": \"a b\" is not accepted; accepted: a host name, an IP address"
        ),
        (
            "tls.clientNames:\n- {name: a, verbs: [read]}\n- {name: A, verbs: [put]}",
            "f.yaml:3 tls.clientNames[1].name: the entry \"A\": is the name of two entries"
        ),
        ("consumers:\n- {streamName: s, tokens: [a]}", "f.yaml:2 consumers[0].tokens: "),
        ("tokns: x", "f.yaml:1 tokns: there is no option tokns; did you mean tokens?"),
        (
            "listen: 'unix:/s'\ntls: {certificateFile: c, keyFile: k, clientCAFile: a, clientNames: [{name: a, verbs: put}]}",
            "f.yaml:1 listen: unix:/s shows no client certificate, so that tls.clientNames lets nobody in; add tokens"
        ),
        // Whatever an entry lacks, it is found by its place.
        (
            "tokens:\n- {name: a, sha256: D, verbs: [read]}\n- {verbs: [read], sha256: D}",
            "f.yaml:3 tokens[1]: the entry has no name; accepted: 1 to 128 characters"
        ),
        (
            "tokens:\n- {sha256: D, verbs: [read], name: a, nmae: b}",
            "f.yaml:2 tokens[0].nmae: the entry \"a\": there is no such member; accepted: name, sha256, streams and verbs"
        ),
        (
            "tls.clientNames:\n- {name: a, sha256: D, verbs: [read]}",
            "f.yaml:2 tls.clientNames[0].sha256: the entry \"a\": there is no such member; accepted: name, streams and verbs"
        ),
    ]) func `a wrong entry is told with what is accepted`(file: String, text: String) {
        let found = read(file.replacing("D,", with: Self.digest + ",").replacing("D}", with: Self.digest + "}"))
            .mistakes.map(\.description)
        #expect(found.count == 1 && found.first?.hasPrefix(text) == true, "\(found)")
        #expect(!found.joined().contains("hush"))
    }

    @Test func `neither the environment nor the command line has tokens`() {
        let reader = SettingsReader(
            commandLine: CommandLineArguments(["--tokens", "x"]),
            environment: EnvironmentSettings([("KINESIS_SIDECAR_TOKENS", "x")]), file: nil)
        let found = reader.mistakes.map(\.description)
        #expect(found.count == 2, "\(found)")
        #expect(found.allSatisfy { $0.contains("tokens are listed in the configuration file only") })
    }

    // MARK: Listeners

    private static let tokens = "tokens: [{name: a, sha256: \(digest), verbs: [read]}]\n"
    private static let pair = "tls: {certificateFile: c, keyFile: k}\n"

    @Test(arguments: ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/s", "8700"])
    func `what only this machine reaches needs nothing`(address: String) {
        #expect(read("", ["--listen", address]).mistakes.isEmpty)
    }

    @Test(arguments: [
        (
            "",
            "TLS (tls.certificateFile and tls.keyFile), and tokens or tls.clientCAFile, or insecure: true (--insecure)"
        ),
        (tokens, "needs TLS (tls.certificateFile and tls.keyFile), or insecure: true"),
        (pair, "needs tokens or tls.clientCAFile, or insecure: true"),
    ]) func `what others reach says what it needs`(file: String, text: String) {
        for address in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:127.0.0.1]:1"] {
            let found = read(file, ["--listen", "unix:/s", "--listen", address]).mistakes.map(\.description)
            #expect(found.count == 1, "\(found)")
            let start = "--listen: \(address) can be reached from elsewhere"
            #expect(found.first?.hasPrefix(start) == true, "\(found)")
            #expect(found.first?.contains(text) == true, "\(found)")
        }
    }

    @Test(arguments: [tokens + pair, tls, tls + "insecure: true\n", "insecure: true\n"])
    func `with that, or where it is insecure on purpose, it may listen there`(file: String) {
        #expect(read(file, ["--listen", "0.0.0.0:1"]).mistakes.isEmpty)
    }

    @Test(arguments: ["0.0.0.0:8701", "unix:/run/a.sock", "[::]:0"])
    func `the admin listener may be anywhere`(address: String) {
        let reader = read("", ["--admin-listen", address])
        #expect(reader.mistakes.isEmpty && reader.settings.adminListen?.description == address)
    }
}
