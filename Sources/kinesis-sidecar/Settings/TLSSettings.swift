/// The files of the server's TLS, in PEM. With a certificate every TCP listener speaks TLS, and none without.
struct TLSSettings: Sendable, Equatable {
    /// The server's certificate, then those between it and its authority.
    var certificateFile: String?
    /// Its private key, without a passphrase.
    var keyFile: String?
    /// The authorities of which clients must show a certificate; nil: clients need none.
    var clientCAFile: String?

    var isOn: Bool { certificateFile != nil }
}
