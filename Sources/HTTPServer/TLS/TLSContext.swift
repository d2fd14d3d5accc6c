import COpenSSL

/// A certificate with its key, and whose certificates clients must show: what the TLS sessions of a server begin with. It
/// does not change; new files make another one.
package final class TLSContext: @unchecked Sendable {
    /// The contents of files, in PEM.
    package struct Material: Equatable, Sendable {
        /// The server's certificate, then those between it and its authority.
        package var certificates: String
        package var key: String
        /// The authorities of which clients must show a certificate; nil: clients need none.
        package var clientCA: String?

        package init(certificates: String, key: String, clientCA: String? = nil) {
            self.certificates = certificates
            self.key = key
            self.clientCA = clientCA
        }
    }

    /// libssl's `SSL_CTX *`.
    private let context: OpaquePointer
    /// Whether clients may also speak without TLS: the first byte of a connection tells.
    let allowsPlain: Bool

    package init(_ material: Material, allowsPlain: Bool = false) throws(TLSError) {
        self.allowsPlain = allowsPlain
        guard let context = SSL_CTX_new(TLS_server_method()) else { preconditionFailure("SSL_CTX_new") }
        self.context = context
        copenssl_server_defaults(context)
        Self.chooseProtocols(context)
        // Tickets of a session that showed no certificate are of no use where one is asked for.
        let name = Array("kinesis-sidecar".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        try use(material.certificates)
        try useKey(material.key)
        if let authorities = material.clientCA { try demandClientCertificates(authorities) }
    }

    deinit { SSL_CTX_free(context) }

    /// Of what a client offers the server chooses HTTP/2 before HTTP/1.1.
    private static func chooseProtocols(_ context: OpaquePointer) {
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, length, offered, offeredLength, _ in
                let known: StaticString = "\u{2}h2\u{8}http/1.1"
                var selected: UnsafeMutablePointer<UInt8>?
                let result = SSL_select_next_proto(
                    &selected, length, known.utf8Start, UInt32(known.utf8CodeUnitCount), offered, offeredLength)
                guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_NOACK }
                chosen?.pointee = UnsafePointer(selected)
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }

    private func use(_ certificates: String) throws(TLSError) {
        let chain = Self.readCertificates(certificates)
        defer { for certificate in chain { X509_free(certificate) } }
        guard let own = chain.first, SSL_CTX_use_certificate(context, own) == 1 else {
            throw .certificate(reason: TLSError.takeReason())
        }
        for certificate in chain.dropFirst() {
            guard copenssl_add_chain_certificate(context, certificate) == 1 else {
                throw .certificate(reason: TLSError.takeReason())
            }
        }
    }

    private func useKey(_ text: String) throws(TLSError) {
        let key = Self.withBIO(text) { bio in
            // A key with a passphrase would be asked for on the terminal.
            PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
        }
        guard let key else { throw .key(reason: TLSError.takeReason()) }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw .mismatch
        }
    }

    private func demandClientCertificates(_ authorities: String) throws(TLSError) {
        let certificates = Self.readCertificates(authorities)
        defer { for certificate in certificates { X509_free(certificate) } }
        guard !certificates.isEmpty else { throw .clientCA(reason: TLSError.takeReason()) }
        let store = SSL_CTX_get_cert_store(context)
        for certificate in certificates {
            guard X509_STORE_add_cert(store, certificate) == 1, SSL_CTX_add_client_CA(context, certificate) == 1 else {
                throw .clientCA(reason: TLSError.takeReason())
            }
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    static func readCertificates(_ text: String) -> [OpaquePointer] {
        ERR_clear_error()
        return withBIO(text) { bio in
            var found: [OpaquePointer] = []
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { found.append(certificate) }
            // Behind the last one there is no start line, which is no failure.
            if !found.isEmpty { ERR_clear_error() }
            return found
        }
    }

    private static func withBIO<T>(_ text: String, _ body: (OpaquePointer) -> T) -> T {
        var text = text
        return text.withUTF8 { bytes in
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
                preconditionFailure("BIO_new_mem_buf")
            }
            defer { BIO_free(bio) }
            return body(bio)
        }
    }

    /// A session over a connected socket, before its handshake.
    func newSession(_ fd: Int32) -> TLSSession { TLSSession(context, fd) }
}
