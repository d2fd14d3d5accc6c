/// Why a subscription is over. The raw values are the metrics' labels.
package enum SubscriptionEnding: String, CaseIterable, Sendable {
    /// The service has ended it, as after 5 minutes: it is renewed.
    case ended
    /// Nothing came for too long.
    case silence
    /// The shard goes on at another position.
    case moved
    /// The shard was taken from its reader: it has gone back, or another reader or another process goes on.
    case revoked
    /// Another subscription has taken its place.
    case inUse
    /// The consumer, the shard or the stream is gone.
    case notFound
    /// A right or a key is missing.
    case denied
    /// Anything else that the service or the network has done to it.
    case failed

    init(_ failure: ReadFailure) {
        self =
            switch failure {
            case .inUse: .inUse
            case .notFound: .notFound
            case .denied: .denied
            case .fruitless: .silence
            case .throttled, .passing, .failing, .unreachable, .unexplained, .limitExceeded, .expiredIterator, .refused,
                .unexpected:
                .failed
            }
    }
}
