import AWS
import Kinesis

/// Streams that are named by their ARNs.
extension ConsumerRegistry {
    /// What the consumers of the stream know it by: its name where it is in the account that is asked, else its ARN. Asks the
    /// service once or twice for the first ARN, and for none once the account is known.
    package func identify(_ stream: StreamName) async throws(ConsumerError) -> StreamName {
        if let region = settings.region, let arn = stream.arn, arn.region != region { throw .otherRegion(region) }
        switch identities.identity(of: stream) {
        case .known(let known): return known
        case .unknown(let arn):
            do throws(AWSError) {
                identities.saw(try await context.source.summary(of: arn.name, retry: nil))
            } catch {
                switch error.disposition {
                case .notFound, .denied: try await look(at: stream)
                default: throw ConsumerError(error)
                }
            }
            if case .known(let known) = identities.identity(of: stream) { return known }
            // Neither leads to a stream: whoever goes on is told so.
            return stream
        }
    }

    private func look(at stream: StreamName) async throws(ConsumerError) {
        do throws(AWSError) {
            _ = try await context.source.summary(of: stream, retry: nil)
            identities.isForeign(stream)
        } catch {
            switch error.disposition {
            case .notFound: return
            // Who may not ask may be allowed to read.
            case .denied: identities.isForeign(stream)
            default: throw ConsumerError(error)
            }
        }
    }

    /// Starts a consumer of a stream that configuration lists by its ARN, once it is known which one that is.
    func startOnceIdentified(_ stream: StreamName, _ options: NamedOptions) async {
        var random = SplitMix64(seed: UInt64.random(in: 0...UInt64.max))
        for failures in 1... {
            if isEnding { return }
            let failure: ConsumerError
            do throws(ConsumerError) {
                return startConfigured(try await identify(stream), options)
            } catch {
                failure = error
            }
            logger.warning(
                "the consumer cannot start yet; it is tried again",
                metadata: ["stream": "\(stream)", "error": "\(failure)"])
            let cause: AWSError? = if case .service(let error) = failure { error } else { nil }
            let pause = ShardDiscovery.pause(after: cause, failures: failures, random: random.fraction())
            try? await context.loop.sleep(for: pause)
        }
    }
}
