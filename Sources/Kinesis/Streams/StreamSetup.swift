import AWS

/// What configuration asks of a stream.
package struct StreamWishes: Equatable, Sendable {
    /// The KMS key of a stream that is not encrypted; nil: encryption stays as it is.
    package var encryptionKey: String?
    /// Values by their keys, beside the tags that the stream has.
    package var tags: [String: String]

    package init(encryptionKey: String? = nil, tags: [String: String] = [:]) {
        self.encryptionKey = encryptionKey
        self.tags = tags
    }

    package static let none = StreamWishes()
}

/// Decides what a stream still lacks of what configuration asks of it. It is tried until it succeeds, while the stream is read
/// all the same; `problem` says meanwhile what is missing. Performs no I/O.
///
/// ```
/// look ── not encrypted, ACTIVE ──▶ encrypt ──▶ listTags ── others wanted ──▶ tag ──▶ rest
///  ▲ ├─── encrypted, or need not be ────────────▲   └── tagged as wanted ────────────▲
///  │ └─── not encrypted, UPDATING ──┐
///  └────────── after a pause ◀──────┴── any failure, once the rest has been tried
/// ```
package struct StreamSetup: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is to be done next.
    package enum Step: Equatable, Sendable {
        case look(at: Instant)
        case encrypt(keyID: String)
        /// - Parameter after: the last key of the page before; nil: the first page.
        case listTags(after: String?)
        case tag([String: String])
        case rest
    }

    /// How far one of the wishes has come.
    private enum Progress {
        case open
        case granted
        case failed(operation: String, AWSError)

        var isGranted: Bool { if case .granted = self { true } else { false } }
        var error: AWSError? { if case .failed(_, let error) = self { error } else { nil } }
    }

    /// The pause before the second look; each further one is twice as long.
    static let firstPause: Duration = .milliseconds(250)
    /// A stream is UPDATING for up to half a minute, and ListTagsForStream has 5 calls a second for the whole account.
    static let longestPause: Duration = .seconds(10)
    /// Pages of a stream's tags, which are 50 at most. A service that has always another page ends here.
    private static let mostPages = 10

    private let wishes: StreamWishes
    private var encryption: Progress
    private var tagging: Progress
    private var pause = Self.firstPause
    /// The stream's tags, of the pages so far.
    private var found: [String: String] = [:]
    private var pages = 0

    package init(_ wishes: StreamWishes) {
        self.wishes = wishes
        encryption = wishes.encryptionKey == nil ? .granted : .open
        tagging = wishes.tags.isEmpty ? .granted : .open
    }

    /// What people are told, with what they can do; nil where there is nothing to be told.
    package var problem: String? {
        let problems = [("encrypted", encryption), ("tagged", tagging)].compactMap { what, progress -> String? in
            guard case .failed(let operation, let error) = progress else { return nil }
            let code: String? = if case .service(let error) = error { error.code } else { nil }
            let isOfRights = code == "AccessDeniedException"
            let cause = isOfRights ? "the right to kinesis:\(operation) is missing" : operation
            return "the stream is not \(what) as configured: \(cause): \(error)"
        }
        return problems.isEmpty ? nil : problems.joined(separator: "; ")
    }

    // MARK: Encryption

    package mutating func described(_ summary: StreamSummary, now: Instant, random: Double) -> Step {
        guard !encryption.isGranted, let key = wishes.encryptionKey else { return tags(now, random) }
        guard summary.encryption == "NONE" else {
            encryption = .granted
            return tags(now, random)
        }
        guard summary.status == .active else { return .look(at: now + nextPause()) }
        return .encrypt(keyID: key)
    }

    /// - Parameter random: from 0 up to 1, here and below.
    package mutating func describeFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        // Who waits for the stream, or makes it, looks after it anew then.
        if error.disposition == .notFound { return .rest }
        return .look(at: now + delay(after: error, random))
    }

    package mutating func encrypted(now: Instant, random: Double) -> Step {
        encryption = .granted
        return tags(now, random)
    }

    package mutating func encryptFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        switch error.disposition {
        case .notFound: return .rest
        // Somebody else changes it, perhaps so.
        case .resourceInUse: return .look(at: now + nextPause())
        default: break
        }
        if case .service(let error) = error, error.code == "UnknownOperationException" {
            encryption = .granted
        } else {
            encryption = .failed(operation: StartStreamEncryption.name, error)
        }
        return tags(now, random)
    }

    // MARK: Tags

    private mutating func tags(_ now: Instant, _ random: Double) -> Step {
        guard !tagging.isGranted else { return end(now, random) }
        (found, pages) = ([:], 0)
        return .listTags(after: nil)
    }

    package mutating func listed(_ page: ListTagsForStream.Page, now: Instant, random: Double) -> Step {
        found.merge(page.tags) { $1 }
        pages += 1
        if let next = page.next, pages < Self.mostPages { return .listTags(after: next) }
        let missing = wishes.tags.filter { found[$0.key] != $0.value }
        return missing.isEmpty ? tagged(now: now, random: random) : .tag(missing)
    }

    package mutating func tagged(now: Instant, random: Double) -> Step {
        tagging = .granted
        return end(now, random)
    }

    /// - Parameter operation: which of the two that tags need.
    package mutating func taggingFailed(
        _ operation: String, _ error: AWSError, now: Instant, random: Double
    ) -> Step {
        switch error.disposition {
        case .notFound: return .rest
        case .resourceInUse: return .look(at: now + nextPause())
        default: break
        }
        tagging = .failed(operation: operation, error)
        return end(now, random)
    }

    // MARK: Pauses

    private mutating func end(_ now: Instant, _ random: Double) -> Step {
        let errors = [encryption, tagging].compactMap(\.error)
        guard !errors.isEmpty else { return .rest }
        return .look(at: now + (errors.map { delay(after: $0, random) }.max() ?? .zero))
    }

    private mutating func delay(after error: AWSError, _ random: Double) -> Duration {
        // What only people can mend, a key that does not exist say, is as slow as a missing right.
        max(error.disposition.leastDelay(random: random) ?? .seconds(30) + .seconds(30) * random, nextPause())
    }

    private mutating func nextPause() -> Duration {
        defer { pause = min(pause * 2, Self.longestPause) }
        return pause
    }
}
