import COpenSSL

/// TLS over one connected socket, as its server. Nothing of it blocks. Confined to its loop.
final class TLSSession {
    /// The reason of a failed handshake whose client began with a request instead (SSL_R_HTTP_REQUEST).
    static let isPlainHTTP = "http request"

    /// The first byte of whoever begins TLS: the type of a record that carries a handshake (RFC 8446, 5.1). No method of HTTP
    /// begins so, and no preface.
    static let handshakeRecord: UInt8 = 0x16

    /// What came of a call.
    enum Progress: Equatable {
        /// So many bytes; of a handshake 0.
        case done(Int)
        /// Nothing happens before the socket becomes readable.
        case wantsRead
        /// The same, writable; also of a read.
        case wantsWrite
        /// The peer has said that nothing follows (close_notify).
        case ended
        /// The peer broke off, or what it sent is no TLS; why, as OpenSSL says.
        case failed(String)
    }

    /// The most that a record carries, in bytes (RFC 8446, 5.1).
    static let recordBytes = 16 * 1024

    /// libssl's `SSL *`.
    private let session: OpaquePointer

    init(_ context: OpaquePointer, _ fd: Int32) {
        guard let session = SSL_new(context) else { preconditionFailure("SSL_new") }
        self.session = session
        SSL_set_fd(session, fd)
        SSL_set_accept_state(session)
    }

    deinit { SSL_free(session) }

    func handshake() -> Progress { attempt { SSL_do_handshake(session) == 1 ? 0 : nil } }

    func read(into start: UnsafeMutableRawPointer, room: Int) -> Progress {
        attempt {
            var count = 0
            return SSL_read_ex(session, start, room, &count) == 1 ? count : nil
        }
    }

    /// Whether something waits to be read, without reading it.
    func peek() -> Progress {
        var byte: UInt8 = 0
        return attempt {
            var count = 0
            return SSL_peek_ex(session, &byte, 1, &count) == 1 ? count : nil
        }
    }

    /// After `wantsWrite` the same bytes have to be given again, wherever they are by then; more may stand behind them.
    func write(_ start: UnsafeRawPointer, _ length: Int) -> Progress {
        attempt {
            var count = 0
            return SSL_write_ex(session, start, length, &count) == 1 ? count : nil
        }
    }

    /// Whether bytes were taken from the socket that were not given out: epoll never tells of them.
    var holdsInput: Bool { SSL_has_pending(session) == 1 }

    /// Names that are looked at of a certificate; the others count for nothing.
    private static let mostPeerNames = 100

    /// The subject alternative names of the certificate that the client has shown, and that was verified, or that is kept of
    /// an earlier session; none where it has shown none.
    func peerNames() -> [PeerName] {
        guard let certificate = SSL_get1_peer_certificate(session) else { return [] }
        defer { X509_free(certificate) }
        guard SSL_get_verify_result(session) == X509_V_OK, let names = copenssl_alternative_names(certificate) else {
            ERR_clear_error()
            return []
        }
        defer { GENERAL_NAMES_free(names) }
        return (0..<min(copenssl_name_count(names), Int32(Self.mostPeerNames))).compactMap { at in
            var bytes: UnsafePointer<UInt8>?
            var length: Int32 = 0
            guard let kind = PeerName.Kind(rawValue: copenssl_name(names, at, &bytes, &length)) else { return nil }
            return PeerName(kind, UnsafeRawBufferPointer(start: bytes, count: Int(length)))
        }
    }

    /// Tells the peer that nothing follows, if the socket takes that now.
    func sayEnd() {
        ERR_clear_error()
        SSL_shutdown(session)
        ERR_clear_error()
    }

    private func attempt(_ call: () -> Int?) -> Progress {
        // What an earlier call has left would be taken for this one's.
        ERR_clear_error()
        if let count = call() { return .done(count) }
        switch SSL_get_error(session, 0) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(TLSError.takeReason())
        }
    }
}
