import COpenSSL
import Glibc

/// A server's certificate and key, made here, under an authority that signs nothing else: its own key is forgotten at once. For
/// servers of tests, whose clients are told to trust that authority.
package struct SelfMadeCertificate: Sendable {
    /// Ten years, in seconds: a folder of tests is not kept longer.
    fileprivate static let validity = 10 * 365 * 86_400
    /// Clocks of containers differ; in seconds.
    fileprivate static let begunEarlier = 3600

    /// The server's certificate, its authority's, then the server's key; in PEM, to be kept.
    package let pem: String

    /// - Parameter names: host names, `*.suffix`, and IP addresses.
    package init(names: [String]) {
        let authority = Certificate(of: "kinesis-sidecar's embedded Kinesis")
        authority.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        authority.add(NID_key_usage, "critical,keyCertSign")
        authority.add(NID_subject_key_identifier, "hash")
        authority.sign(by: authority)
        let server = Certificate(of: names.first ?? "localhost")
        server.add(NID_basic_constraints, "critical,CA:FALSE")
        server.add(NID_key_usage, "critical,digitalSignature")
        server.add(NID_ext_key_usage, "serverAuth")
        server.add(NID_subject_key_identifier, "hash")
        server.add(NID_authority_key_identifier, "keyid", issuer: authority)
        let alternatives = names.map { (Self.isAddress($0) ? "IP:" : "DNS:") + $0 }
        server.add(NID_subject_alt_name, alternatives.joined(separator: ","))
        server.sign(by: authority)
        pem = server.text + authority.text + server.keyText
    }

    /// What was kept; nil where it is no longer valid, or not for all of these names.
    package init?(kept pem: String, names: [String]) {
        guard let certificate = TLSContext.readCertificates(pem).first else { return nil }
        defer { X509_free(certificate) }
        guard X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0 else { return nil }
        for name in names {
            let matches =
                Self.isAddress(name)
                ? X509_check_ip_asc(certificate, name, 0) : X509_check_host(certificate, name, 0, 0, nil)
            guard matches == 1 else { return nil }
        }
        self.pem = pem
    }

    /// What clients are to trust, in PEM.
    package var authority: String {
        let end = "-----END CERTIFICATE-----\n"
        let parts = pem.split(separator: end, maxSplits: 2)
        return parts.count == 3 ? parts[1] + end : ""
    }

    package var material: TLSContext.Material { TLSContext.Material(certificates: pem, key: pem) }

    private static func isAddress(_ name: String) -> Bool {
        var bytes = in6_addr()
        return inet_pton(AF_INET, name, &bytes) == 1 || inet_pton(AF_INET6, name, &bytes) == 1
    }
}

/// One certificate with its key, while it is made. What OpenSSL refuses here is a mistake of this file.
private final class Certificate {
    private let certificate: OpaquePointer
    private let key: OpaquePointer

    init(of name: String) {
        guard let certificate = X509_new(), let key = copenssl_new_key() else { preconditionFailure("X509_new") }
        self.certificate = certificate
        self.key = key
        X509_set_version(certificate, Int(X509_VERSION_3))
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), .random(in: 1 ... .max))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -SelfMadeCertificate.begunEarlier)
        X509_gmtime_adj(X509_getm_notAfter(certificate), SelfMadeCertificate.validity)
        let subject = Array(name.utf8)
        X509_NAME_add_entry_by_NID(
            X509_get_subject_name(certificate), NID_commonName, MBSTRING_FLAG | 0, subject, Int32(subject.count), -1, 0)
        X509_set_pubkey(certificate, key)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    func add(_ extension: Int32, _ value: String, issuer: Certificate? = nil) {
        let added = copenssl_add_extension(certificate, (issuer ?? self).certificate, `extension`, value)
        precondition(added == 1, value)
    }

    func sign(by issuer: Certificate) {
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate))
        precondition(X509_sign(certificate, issuer.key, EVP_sha256()) > 0)
    }

    var text: String { Self.text { PEM_write_bio_X509($0, certificate) } }
    var keyText: String { Self.text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) } }

    private static func text(_ write: (OpaquePointer) -> Int32) -> String {
        guard let bio = BIO_new(BIO_s_mem()), write(bio) == 1 else { preconditionFailure("PEM_write_bio") }
        defer { BIO_free(bio) }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
    }
}
