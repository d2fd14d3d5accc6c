import AWS
import Kinesis
import Logging
import Reactor

/// Discovers what becomes of a stream's shards while a session reads it. Confined to its loop.
///
/// A shard's end is told by its own last response; this finds the shards of a reshard whose parents were trimmed, and
/// streams that were made anew.
final class ShardDiscovery: @unchecked Sendable {
    /// The pause between two listings.
    static let interval: Duration = .seconds(30)
    /// The least pause, also when the shards ask for a look.
    static let leastPause: Duration = .milliseconds(500)
    private static let failurePause = Backoff(first: .seconds(1), longest: .seconds(30))

    /// Why the stream cannot be looked at, nil while it can.
    private(set) var problem: String?
    /// What the service said of it.
    private var cause: AWSError?
    private unowned let session: ReadingSession
    private let news: Wakeup
    private var task: Task<Void, Never>?

    init(of session: ReadingSession) {
        self.session = session
        news = Wakeup(loop: session.loop)
        task = session.loop.spawn { [self] in await run(session) }
    }

    /// Looks now instead of at the next round.
    func lookNow() {
        news.signal()
    }

    func stop() {
        task?.cancel()
        news.signal()
    }

    private func run(_ session: ReadingSession) async {
        var failures = 0
        var random = SplitMix64(seed: UInt64.random(in: 0...UInt64.max))
        while !session.isEnding {
            let pause =
                failures == 0
                ? Self.interval : Self.pause(after: cause, failures: failures, random: random.fraction())
            await news.wait(until: session.loop.now + pause)
            if session.isEnding { return }
            failures = await look() ? 0 : failures + 1
            // Signals that come in this pause are answered by one look.
            try? await session.loop.sleep(for: Self.leastPause)
        }
    }

    /// How long to wait after failures in a row, the last of which was this.
    /// - Parameter random: from 0 up to 1.
    static func pause(after error: AWSError?, failures: Int, random: Double) -> Duration {
        let pause = failurePause.delay(failures: failures, random: random)
        return error?.longestDelay.map { min($0, pause) } ?? pause
    }

    /// Returns whether the service answered.
    private func look() async -> Bool {
        let source = session.scope.engine.source
        do {
            var summary: StreamSummary?
            if session.doubtsStream { summary = try await source.summary(of: session.stream, retry: nil) }
            let listing = try await source.shards(of: session.stream, retry: nil)
            if let summary, summary.creation != session.positions.book.streamCreatedOn {
                let positions = try await session.positions.beginAnew(
                    summary, listing, from: session.options.initialPositionInStream, isShared: session.group != nil)
                if !session.isEnding { session.goOver(to: positions, listing) }
            } else if !session.isEnding {
                session.take(listing)
            }
            problem = nil
            return true
        } catch {
            if session.isEnding { return true }
            problem = "\(error)"
            cause = error as? AWSError
            session.logger.warning(
                "the stream's shards cannot be listed; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
