import COpenSSL

/// Why TLS cannot be offered with these certificates and keys.
package enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text holds no certificate in PEM, or a damaged one; `reason` is OpenSSL's.
    case certificate(reason: String)
    case key(reason: String)
    /// The key is another certificate's.
    case mismatch
    case clientCA(reason: String)

    package var description: String {
        switch self {
        case .certificate(let reason): "no certificate in PEM: \(reason)"
        case .key(let reason): "no private key in PEM without a passphrase: \(reason)"
        case .mismatch: "the private key does not belong to the certificate"
        case .clientCA(let reason): "no certificates of client authorities in PEM: \(reason)"
        }
    }

    /// What OpenSSL has to say of its last failure on this thread.
    static func takeReason() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "nothing that could be read" }
        return String(cString: text)
    }
}
