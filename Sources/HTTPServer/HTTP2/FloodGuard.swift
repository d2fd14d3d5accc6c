import HTTP
import Reactor

/// Counts what a peer of HTTP/2 can make another work with at little cost of its own (CVE-2019-9512 to 9518, CVE-2023-44487,
/// CVE-2024-27316), and says when it is too much. Performs no I/O.
struct FloodGuard {
    enum Kind: CaseIterable {
        /// Streams that were reset while they were served: by the peer, or because of its frames (CVE-2025-8671).
        case reset
        case ping
        case settings
        /// Frames of data or fields without any.
        case empty
        /// Parts of one block of fields.
        case continuation
        case windowUpdate
        case priority
    }

    private static let window = Duration.seconds(60)

    private let limits: HTTPLimits
    private var counts: [Kind: Int] = [:]
    private var since: EventLoop.Instant?
    /// Bytes of data that were sent since the window began.
    private var sentBytes = 0

    init(_ limits: HTTPLimits) { self.limits = limits }

    /// Returns whether it is too much.
    mutating func exceeds(_ kind: Kind, now: EventLoop.Instant) -> Bool {
        if let since, now - since < Self.window {
        } else {
            since = now
            sentBytes = 0
            counts = counts.filter { $0.key == .continuation }
        }
        counts[kind, default: 0] += 1
        return counts[kind, default: 0] > limit(of: kind)
    }

    /// A frame of data was sent. A peer that is sent much has more to say: clients of gRPC measure their bandwidth with a PING
    /// behind nearly each frame, and open their windows as often. So a frame makes up for a PING, and 4 KiB for a window.
    mutating func sent(bytes: Int) {
        if let pings = counts[.ping], pings > 0 { counts[.ping] = pings - 1 }
        sentBytes += bytes
    }

    /// A block of fields begins.
    mutating func blockBegins() { counts[.continuation] = 0 }

    private func limit(of kind: Kind) -> Int {
        switch kind {
        case .reset: limits.http2ResetsPerMinute
        case .ping: limits.http2PingsPerMinute
        case .settings: limits.http2SettingsPerMinute
        case .empty: limits.http2EmptyFramesPerMinute
        case .continuation: limits.http2Continuations
        case .windowUpdate: limits.http2WindowUpdatesPerMinute + sentBytes / 4096
        case .priority: limits.http2PrioritiesPerMinute
        }
    }
}
