import Time

/// The service's time, which its responses tell to the second. Performs no I/O.
///
/// At some moment between a request and its response the service's clock showed the second that the response names: each
/// response bounds how far the two clocks are apart, and many of them say it better than any one.
/// Source: RFC 9110, 6.6.1 (Date).
package struct ServiceClock: Equatable, Sendable {
    /// What is added to our clock to get the service's.
    private var offset: Duration = .zero

    package init() {}

    /// - Parameters:
    ///   - date: the response's, cut to the second.
    ///   - sent, received: by our clock.
    package mutating func heard(_ date: WallTime, sent: WallTime, received: WallTime) {
        let least = date.duration(since: received)
        let most = date.advanced(by: .seconds(1)).duration(since: sent)
        offset = min(max(offset, least), most)
    }

    /// The service's time when our clock shows `now`.
    package func time(at now: WallTime) -> WallTime { now.advanced(by: offset) }
}
