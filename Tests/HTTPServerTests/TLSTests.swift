import Bytes
import HTTP
import Testing

@testable import HTTPServer

/// What is agreed on over TLS; what clients that we did not write make of it is in Tests/EndToEnd.
@Suite struct TLSTests {
    @Test(arguments: [
        ("", "", "no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", "", "no certificate in PEM"),
        (Certificates.server, "", "no private key in PEM"),
        (Certificates.server, Certificates.encryptedKey, "no private key in PEM without a passphrase"),
        (Certificates.server, Certificates.otherKey, "does not belong to the certificate"),
    ]) func `what is no pair is named`(certificates: String, key: String, words: String) {
        #expect {
            _ = try TLSContext(.init(certificates: certificates, key: key))
        } throws: { "\($0)".contains(words) }
    }

    @Test func `authorities of clients that cannot be read are named`() {
        #expect(throws: TLSError.clientCA(reason: "no start line")) {
            _ = try TLSContext(.init(certificates: Certificates.server, key: Certificates.serverKey, clientCA: "x"))
        }
    }
}

/// What the embedded Kinesis shows its clients.
@Suite struct SelfMadeCertificateTests {
    private let names = ["localhost", "127.0.0.1", "::1", "kinesis", "*.example"]

    @Test func `a pair is made, and taken again for the same names`() throws {
        let made = SelfMadeCertificate(names: names)
        #expect(try TLSContext(made.material, allowsPlain: true).allowsPlain)
        let kept = try #require(SelfMadeCertificate(kept: made.pem, names: names.reversed()))
        #expect(kept.authority == made.authority)
        #expect(SelfMadeCertificate(names: names).authority != made.authority)
    }

    @Test(arguments: ["other", "10.0.0.1", "::2"]) func `another name wants another one`(_ name: String) {
        let made = SelfMadeCertificate(names: names)
        #expect(SelfMadeCertificate(kept: made.pem, names: names + [name]) == nil)
    }

    @Test func `what clients trust is one certificate without a key`() {
        let authority = SelfMadeCertificate(names: names).authority
        #expect(authority.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        #expect(authority.hasSuffix("-----END CERTIFICATE-----\n"))
        #expect(authority.split(separator: "-----BEGIN").count == 1)
    }

    @Test(arguments: ["", "nonsense", Certificates.otherKey]) func `what is none is not taken`(_ text: String) {
        #expect(SelfMadeCertificate(kept: text, names: names) == nil)
    }
}
