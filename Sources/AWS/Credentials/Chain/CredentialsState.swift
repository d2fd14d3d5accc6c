import Time

/// What a chain holds, and when its source is asked again. Performs no I/O.
///
///     none ──asked──▶ fetching ──▶ fresh ──asked, soon over──▶ refreshing ──▶ fresh
///                        │           └──refused by the service──▶ refused ──asked──▶ fetching
///                        └──▶ failed ──asked, after a pause──▶ fetching
///
/// A source is asked once at a time. Credentials that end soon are used until they end, also while new ones cannot be had.
package enum CredentialsState: Hashable, Sendable {
    /// Nobody has asked yet.
    case none
    /// The source is asked, and nothing is held that can be used. `refused`: what the service refused, if that is why.
    case fetching(refused: Credentials?)
    /// In use; `refresh`: when the source is to be asked for their successors, nil where they do not end.
    case fresh(Credentials, refresh: WallTime?)
    /// In use while the source is asked for their successors.
    case refreshing(Credentials)
    /// The service refused them. The source is asked again, at once or, where it gave the same again, not before the time:
    /// they are used until then.
    case refused(Credentials, until: WallTime?)
    /// The source gave nothing, which stands until the time.
    case failed(CredentialsError, until: WallTime)

    /// Temporary credentials are renewed at least this long before they end, so that a request under way keeps a valid
    /// signature. Source: the AWS SDKs' refresh window of five minutes.
    package static let refreshWindow = Duration.seconds(300)
    /// By as much more at most, and no more than a tenth of their life: what started together does not come back together.
    package static let refreshSpread = Duration.seconds(300)
    /// The least time from one refresh to the next while what is held is good: the window has room for 30 of them.
    package static let refreshPause = Duration.seconds(10)
    /// The least time from a failure to the next question. Short enough for whoever has just repaired the source, and long
    /// enough for files on a slow disk.
    package static let failurePause = Duration.seconds(2)

    /// What whoever asks is to do.
    package enum Answer: Hashable, Sendable {
        case use(Credentials)
        /// Ask the source; these are good meanwhile.
        case useAndFetch(Credentials)
        /// Ask the source, and wait.
        case fetch
        /// Somebody asks the source: wait.
        case wait
        case fail(CredentialsError)
    }

    /// What became of asking the source.
    package enum Fetched: Hashable, Sendable {
        case got(Credentials)
        case failed(CredentialsError)
        /// Those that are held go on.
        case kept(Credentials, despite: CredentialsError)
    }

    /// Somebody wants to sign.
    package mutating func asked(now: WallTime) -> Answer {
        switch self {
        case .none: return fetch(refused: nil)
        case .fetching: return .wait
        case .fresh(let held, let refresh):
            guard Self.isGood(held, now) else { return fetch(refused: nil) }
            guard let refresh, now >= refresh else { return .use(held) }
            self = .refreshing(held)
            return .useAndFetch(held)
        case .refreshing(let held): return Self.isGood(held, now) ? .use(held) : .wait
        case .refused(let held, let until):
            if let until, Self.stands(until, now) { return .use(held) }
            return fetch(refused: held)
        case .failed(let error, let until): return Self.stands(until, now) ? .fail(error) : fetch(refused: nil)
        }
    }

    /// The source has given its answer.
    /// - Parameter random: from 0 up to 1.
    package mutating func fetched(
        _ result: Result<Credentials, CredentialsError>, now: WallTime, random: Double
    ) -> Fetched {
        switch (result, self) {
        case (.success(let found), .fetching(let refused)) where found == refused:
            // Some sources give what the service refuses once more until they have something new.
            self = .refused(found, until: now.advanced(by: Self.refreshPause))
            return .got(found)
        case (.success(let found), _):
            self = .fresh(found, refresh: Self.refreshTime(of: found, now, random))
            return .got(found)
        case (.failure(let error), .refreshing(let held)) where Self.isGood(held, now):
            self = .fresh(held, refresh: now.advanced(by: Self.refreshPause))
            return .kept(held, despite: error)
        case (.failure(let error), _):
            self = .failed(error, until: now.advanced(by: Self.failurePause))
            return .failed(error)
        }
    }

    /// The service refused what a request was signed with. An old refusal does not count against new credentials.
    package mutating func refused(_ used: Credentials) {
        switch self {
        case .fresh(used, _): self = .refused(used, until: nil)
        case .refreshing(used): self = .fetching(refused: used)
        case .none, .fetching, .fresh, .refreshing, .refused, .failed: break
        }
    }

    private mutating func fetch(refused: Credentials?) -> Answer {
        self = .fetching(refused: refused)
        return .fetch
    }

    private static func refreshTime(of found: Credentials, _ now: WallTime, _ random: Double) -> WallTime? {
        guard let expiration = found.expiration else { return nil }
        let spread = min(refreshSpread, max(.zero, expiration.duration(since: now) / 10))
        let wanted = expiration.advanced(by: .zero - refreshWindow - spread * random)
        // Some sources give what ends soon once more until they have something new.
        return max(wanted, now.advanced(by: refreshPause))
    }

    private static func isGood(_ held: Credentials, _ now: WallTime) -> Bool {
        held.expiration.map { now < $0 } ?? true
    }

    /// Whether a pause that ends then has not ended yet. One that a clock set back has made longer has.
    private static func stands(_ until: WallTime, _ now: WallTime) -> Bool {
        now < until && now.advanced(by: refreshPause) >= until
    }
}
