import AWS

/// Decides how a bucket becomes what the configuration wants: whether it is made, its tags, how long items stay in it. It is
/// tried until it succeeds, and meanwhile `state` says what is missing. Performs no I/O.
///
/// ```
/// head ── there ──▶ tags ── others wanted ──▶ putTags ──▶ rules ── others wanted ──▶ putRules ──▶ rules …
///  ▲  ├── missing ──▶ create ──▶ head           as wanted ─▲  └── as wanted ──▶ rest
///  └──┴── any failure, after a pause
/// ```
///
/// Nobody waits for it: who puts or gets an item asks for it, and is told what the service says.
package struct BucketProvision: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is wanted of a bucket.
    package struct Wanted: Equatable, Sendable {
        /// Whether the bucket is this program's to make, to tag and to clear.
        package var isManaged = false
        package var tags: [BucketTag] = []
        package var rules: [ExpiryRule] = []

        package init() {}
    }

    /// What is to be done next.
    package enum Step: Equatable, Sendable {
        case head(at: Instant)
        case create
        case getTags
        case putTags([BucketTag])
        case getRules(at: Instant)
        case putRules(Lifecycle)
        /// Nothing, until more is wanted or the bucket is missed.
        case rest
    }

    /// The pause behind a write of rules, before they are read again: another process may have written too, and the last one
    /// wins.
    static let rulesPause: Duration = .seconds(5)
    static let firstPause: Duration = .milliseconds(250)

    package private(set) var state = BucketState.awaited
    package private(set) var wanted = Wanted()
    private var pause = Self.firstPause

    package init() {}

    // MARK: What is wanted

    /// Returns whether anything changes.
    package mutating func want(_ more: Wanted) -> Bool {
        let before = wanted
        wanted.isManaged = wanted.isManaged || more.isManaged
        for tag in more.tags where !wanted.tags.contains(tag) { wanted.tags.append(tag) }
        for rule in more.rules {
            wanted.rules.removeAll { $0.id == rule.id }
            wanted.rules.append(rule)
        }
        return wanted != before
    }

    // MARK: What has happened

    package mutating func found(now: Instant) -> Step {
        pause = Self.firstPause
        state = .ready(lacking: nil)
        guard wanted.isManaged else { return .rest }
        return wanted.tags.isEmpty ? rules(at: now) : .getTags
    }

    package mutating func headFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        if case .service(let error) = error, error.status == 404 {
            if wanted.isManaged { return .create }
            state = .unusable(.missing)
            return .head(at: now + Self.longDelay(random))
        }
        state = .unusable(.call("HeadBucket", error))
        return .head(at: now + delay(after: error, random))
    }

    package mutating func created(now: Instant) -> Step { .head(at: now + nextPause()) }

    package mutating func createFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        if case .service(let error) = error, error.code == "BucketAlreadyOwnedByYou" {
            return .head(at: now + nextPause())
        }
        state = .unusable(.call("CreateBucket", error))
        return .head(at: now + delay(after: error, random))
    }

    package mutating func foundTags(_ found: [BucketTag], now: Instant) -> Step {
        var merged = found
        for tag in wanted.tags where !found.contains(tag) {
            merged.removeAll { $0.key == tag.key }
            merged.append(tag)
        }
        return merged == found ? rules(at: now) : .putTags(merged)
    }

    package mutating func tagged(now: Instant) -> Step { rules(at: now) }

    package mutating func foundRules(_ found: Lifecycle, now: Instant) -> Step {
        if let changed = found.adding(wanted.rules) { return .putRules(changed) }
        state = .ready(lacking: nil)
        return .rest
    }

    package mutating func wroteRules(now: Instant) -> Step { .getRules(at: now + Self.rulesPause) }

    /// A call about the tags or rules of a bucket that is there: it serves without them.
    package mutating func settingFailed(_ operation: String, _ error: AWSError, now: Instant, random: Double) -> Step {
        state = .ready(lacking: .call(operation, error))
        return .head(at: now + max(delay(after: error, random), Self.longDelay(random)))
    }

    /// Whoever uses the bucket was told that there is none.
    package mutating func missed(now: Instant) -> Step {
        state = .awaited
        return .head(at: now)
    }

    private func rules(at moment: Instant) -> Step { wanted.rules.isEmpty ? .rest : .getRules(at: moment) }

    // MARK: Pauses

    private mutating func delay(after error: AWSError, _ random: Double) -> Duration {
        max(error.disposition.leastDelay(random: random) ?? Self.longDelay(random), nextPause())
    }

    private mutating func nextPause() -> Duration {
        defer { pause = min(pause * 2, .seconds(30)) }
        return pause
    }

    /// What only people can mend.
    private static func longDelay(_ random: Double) -> Duration { .seconds(30) + .seconds(30) * random }
}

/// Whether a bucket can be used, as far as is known.
package enum BucketState: Equatable, Sendable {
    /// Not looked at yet.
    case awaited
    /// It is there. `lacking` says what it does not have of what is wanted.
    case ready(lacking: BucketProblem?)
    /// It is tried again.
    case unusable(BucketProblem)

    /// What people are told; nil where there is nothing to be told.
    package var problem: String? {
        switch self {
        case .awaited, .ready(nil): nil
        case .ready(let problem?): "it lacks its tags or its rule of expiry: \(problem)"
        case .unusable(let problem): "it cannot be used: \(problem)"
        }
    }
}

/// Why a bucket cannot be used, or is not as it is wanted.
package enum BucketProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// It is not there, and not to be made.
    case missing
    /// The operation that failed.
    case call(String, AWSError)

    package var description: String {
        switch self {
        case .missing: "it is not there, and is not made: neither s3.bucketName nor a listed consumer names it"
        case .call(let operation, let error): "\(operation): \(error)"
        }
    }
}
