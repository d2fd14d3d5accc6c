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
