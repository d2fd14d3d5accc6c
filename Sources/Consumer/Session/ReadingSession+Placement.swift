import AWS
import Kinesis
import Logging
import Reactor

/// How the stream distributes its records, where a shard's task is about to leave some out as another shard's.
extension ReadingSession {
    /// Whether user records may be left out because of their hash keys, of a response that was received in that moment. Asks
    /// the service, if need be and if it was not asked too often; all shards wait for the same response.
    func mayLeaveOut(receivedAt: EventLoop.Instant) async -> Bool {
        let positions = positions
        while true {
            switch positions.placement.verdict(receivedAt: receivedAt, now: loop.now) {
            case .leaveOut: return true
            case .giveOut: return false
            case .look: await lookAtPlacement(of: positions)
            }
        }
    }

    private func lookAtPlacement(of positions: Positions) async {
        let look =
            placementLook
            ?? loop.spawn { [self] in
                positions.placement.lookBegan(now: loop.now)
                await describe(for: positions)
                placementLook = nil
            }
        placementLook = look
        await look.value
    }

    private func describe(for positions: Positions) async {
        do throws(AWSError) {
            let summary = try await scope.engine.source.summary(of: stream, retry: nil)
            guard summary.creation == positions.book.streamCreatedOn else {
                positions.placement.lookFailed()
                return lookAgain()
            }
            positions.placement.looked(summary)
            guard positions.placement.isAutomatic else { return }
            logger.notice("the stream distributes records automatically: no user record is left out any more")
        } catch {
            positions.placement.lookFailed()
            logger.warning(
                "nobody knows how the stream distributes records; user records of other shards' hash ranges are given out",
                metadata: ["error": "\(error)"])
        }
    }
}
