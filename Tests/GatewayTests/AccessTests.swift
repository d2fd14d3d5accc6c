import AWS
@testable import Gateway
import HTTPServer
import Kinesis
import Testing

/// Who may do what, decided on values alone.
@Suite struct AccessTests {
    private static let orders = StreamName("orders")!
    private static let app = Grant(name: "app", verbs: [.read, .put], streams: StreamScope(["orders", "audit-*"])!)
    private static let boss = Grant(name: "boss", verbs: Set(Verb.allCases))

    private static let tokens = [
        Access.Token(digest: Digest.sha256("app's"), grant: app),
        Access.Token(digest: Digest.sha256("boss's"), grant: boss),
    ]
    private static let client = Access.Client(
        name: .uri("spiffe://example/app"), grant: Grant(name: "spiffe", verbs: [.checkpoint]))

    @Test func `where nothing is listed whoever comes may do everything`() throws {
        let principal = try Access().principal(authorizations: ["Bearer what"], peerNames: [])
        #expect(principal == .anybody && principal.mayReadAll)
        for verb in Verb.allCases { #expect(principal.may(verb, Self.orders)) }
    }

    @Test(arguments: ["Bearer app's", "bearer app's", "BEARER   app's"])
    func `a token has what its entry grants, and nothing else`(field: String) throws {
        let access = Access(tokens: Self.tokens)
        let principal = try access.principal(authorizations: [field], peerNames: [])
        #expect(principal == Principal([Self.app]))
        #expect(principal.may(.read, Self.orders) && principal.may(.put, StreamName("audit-2")!))
        #expect(principal.missing(for: .admin, on: .stream(Self.orders)) == .verb(.admin, [Self.app]))
        let other = Demand.Extent.stream(StreamName("orders2")!)
        #expect(principal.missing(for: .put, on: other) == .extent(.put, other, [Self.app]))
        #expect(principal.missing(for: .read, on: .someStreams) == nil)
        #expect(principal.missing(for: .read, on: .process) == .extent(.read, .process, [Self.app]))
        #expect(!principal.mayReadAll)
    }

    @Test(arguments: [
        ([], AccessDenial.noToken(orCertificate: false)), (["Basic YTpi"], .noToken(orCertificate: false)),
        ([""], .noToken(orCertificate: false)), (["Bearer"], .unknownToken), (["Bearer "], .unknownToken),
        (["Bearer app"], .unknownToken), (["Bearer app's "], .unknownToken),
        (["Bearer app's", "Bearer app's"], .unknownToken),
    ]) func `who shows no token that is known is nobody`(fields: [String], denial: AccessDenial) {
        #expect(throws: denial) {
            _ = try Access(tokens: Self.tokens).principal(authorizations: fields, peerNames: [])
        }
    }

    @Test func `a listed name of the certificate proves as much as a token, and both together both`() throws {
        let access = Access(tokens: Self.tokens, clients: [Self.client])
        let names = [PeerName.dns("other.example"), Self.client.name]
        let byName = try access.principal(authorizations: [], peerNames: names)
        #expect(byName == Principal([Self.client.grant]))
        // What an agent on the way adds says nothing against the certificate.
        #expect(try access.principal(authorizations: ["Bearer x"], peerNames: names) == byName)
        let both = try access.principal(authorizations: ["Bearer app's"], peerNames: names)
        #expect(both.may(.checkpoint, StreamName("any")!) && both.may(.put, Self.orders))
        #expect(!both.may(.put, StreamName("any")!))
    }

    @Test func `a certificate whose names are not listed is told so, unless the token is what is wrong`() {
        let names = [PeerName.dns("spiffe://example/app")]  // the same text, and another kind
        let alone = Access(clients: [Self.client])
        let beside = Access(tokens: Self.tokens, clients: [Self.client])
        #expect(throws: AccessDenial.unknownClient(names, orToken: false)) {
            _ = try alone.principal(authorizations: ["Bearer x"], peerNames: names)
        }
        #expect(throws: AccessDenial.unknownClient([], orToken: false)) {
            _ = try alone.principal(authorizations: [], peerNames: [])
        }
        #expect(throws: AccessDenial.unknownClient(names, orToken: true)) {
            _ = try beside.principal(authorizations: [], peerNames: names)
        }
        #expect(throws: AccessDenial.unknownToken) {
            _ = try beside.principal(authorizations: ["Bearer x"], peerNames: names)
        }
        #expect(throws: AccessDenial.noToken(orCertificate: true)) {
            _ = try beside.principal(authorizations: [], peerNames: [])
        }
    }

    @Test func `a scope has the names and what begins as its beginnings do`() {
        let scope = StreamScope(["a", "b-*"])
        let names = ["a", "ab", "b", "b-", "b-c", "c"].compactMap { StreamName($0) }
        #expect(names.filter { scope?.contains($0) == true }.map(\.text) == ["a", "b-", "b-c"])
        #expect(StreamScope(["x", "*"]) == .all)
        for wrong in ["", "a b", "*a", "a**", "a,b"] { #expect(StreamScope([wrong]) == nil, "\(wrong)") }
        #expect(StreamScope(scope?.patterns ?? []) == scope)
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
        let stream = StreamName(nameOrARN: arn)!
        for patterns in [[arn], ["arn:aws:kinesis:eu-west-1:123456789012:*"], ["*"]] {
            #expect(StreamScope(patterns)?.contains(stream) == true, "\(patterns)")
        }
        for patterns in [["orders"], ["a*"], ["arn*"], ["arn:aws:kinesis:eu-west-1:1:*"]] {
            #expect(StreamScope(patterns)?.contains(stream) == false, "\(patterns)")
        }
    }

    @Test func `what is missing is named, the token never`() {
        let stream = Demand.Extent.stream(Self.orders)
        let verb = AccessDenial.verb(.admin, [Self.app]).document
        #expect(verb.detail.contains("admin") && verb.detail.contains("\"app\" (it has read, put)"))
        let extent = AccessDenial.extent(.read, stream, [Self.app]).document
        #expect(extent.detail.contains("read") && extent.detail.contains("orders"))
        #expect(extent.members.map(\.key) == ["verb", "streamName"])
        let stranger = AccessDenial.unknownClient([.dns("a.example"), .ip("::1")], orToken: true).document
        #expect(stranger.detail.contains("DNS:a.example, IP:::1") && stranger.detail.contains("token"))
        for denial in [AccessDenial.noToken(orCertificate: true), .unknownToken] {
            #expect(denial.document.headers.contains { $0.0 == "WWW-Authenticate" && $0.1.hasPrefix("Bearer") })
        }
    }

    @Test func `digests are read in either case and compared whole`() {
        let digest = Digest.sha256("x")
        #expect(SHA256Value(hex: digest.hex) == digest && SHA256Value(hex: digest.hex.uppercased()) == digest)
        for at in 0..<64 {
            var digits = Array(digest.hex)
            digits[at] = digits[at] == "0" ? "1" : "0"
            let other = SHA256Value(hex: String(digits))
            #expect(other.map(digest.equalsInConstantTime) == false)
        }
        #expect(digest.equalsInConstantTime(Digest.sha256("x")))
        for wrong in ["", String(digest.hex.dropLast()), digest.hex + "0", String(digest.hex.dropLast()) + "g"] {
            #expect(SHA256Value(hex: wrong) == nil)
        }
    }
}
