import HTTPServer

/// Whether the peer of an exchange is still there, and what to do once it is not. Confined to its loop.
final class PeerPresence {
    private(set) var isThere = true
    /// Called once, when the peer has gone.
    var onLoss: (() -> Void)?

    init(_ exchange: HTTPExchange) {
        exchange.onDisconnect = { [weak self] in
            guard let self, isThere else { return }
            isThere = false
            onLoss?()
        }
    }
}
