import AWS
import Kinesis
import Logging
import Reactor
import State

// MARK: Looking for new shards

extension ReadingSession {
    /// The pause between two listings. A shard's end is told by its own last answer; this finds the shards of a
    /// reshard whose parents were trimmed, and streams that were made anew.
    static let listingInterval: Duration = .seconds(30)
    /// The least pause, also when the shards ask for a look.
    static let leastPause: Duration = .milliseconds(500)
    static let failurePause = Backoff(first: .seconds(1), longest: .seconds(30))

    func lookOut() async {
        var failures = 0
        var random = SplitMix64(seed: seeds.next())
        while !isEnding {
            let pause =
                failures == 0
                ? Self.listingInterval : Self.failurePause.delay(failures: failures, random: random.fraction())
            await news.wait(until: context.loop.now + pause)
            if isEnding { return }
            failures = await look() ? 0 : failures + 1
            // Signals that come in this pause are answered by one look.
            try? await context.loop.sleep(for: Self.leastPause)
        }
    }

    /// Returns whether the service answered.
    private func look() async -> Bool {
        do throws(AWSError) {
            // A shard that is not found, or does not know its checkpoint, may be another stream's of the same name.
            if tasks.values.contains(where: \.doubtsStream) {
                let summary = try await context.source.summary(of: stream, retry: nil)
                if summary.creation != positions.book.streamCreatedOn { return await beginAnew(summary) }
            }
            take(try await context.source.shards(of: stream, retry: nil))
            problem = nil
            return true
        } catch {
            if isEnding { return true }
            problem = "\(error)"
            logger.warning("the stream's shards cannot be listed; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func take(_ listing: [Shard]) {
        guard !isEnding else { return }
        let added = positions.listed(listing)
        counters.keep(positions.book.shards.map(\.id))
        if !added.isEmpty {
            logger.info("new shards", metadata: ["shards": "\(added.map(\.id.text).joined(separator: " "))"])
        }
        for id in positions.book.vanished { tasks[id]?.missingFromListing() }
        divideReadable()
    }

    /// The stream was deleted and made again while it was being read: all of the new one is news.
    private func beginAnew(_ summary: StreamSummary) async -> Bool {
        logger.error("the stream was made anew; its positions begin anew", metadata: ["stream": "\(stream)"])
        do {
            let listing = try await context.source.shards(of: stream, retry: nil)
            let positions = try await positions.beginAnew(summary, listing, from: options.initialPositionInStream)
            guard !isEnding else { return true }
            restarting.removeAll()
            resends.removeAll()
            division.unpinAll()
            for (id, task) in tasks { drop(id, task) }
            self.positions = positions
            sent.beginAnew()
            divideReadable()
            problem = nil
            return true
        } catch {
            problem = "\(error)"
            logger.warning("the new stream cannot be begun; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
