import Kinesis
import Reactor

/// The puts of one request that brings groups of records without end, one group after the other.
///
/// Groups reach their streams in the order of the calls; several are on their way at once, within this feed's share of
/// `maxPutBytes`. Where there is no room the caller waits: it reads no more meanwhile, which slows its client down.
/// Confined to its loop.
package final class PutFeed: @unchecked Sendable {
    /// What becomes of a group: a result for each of its records, or one failure of them all.
    package typealias Answer = Task<Result<PutAnswer, PutError>, Never>

    private let producer: Producer
    private let share: Int
    private let room: Gate
    private var bytesOnTheirWay = 0

    /// Called when the process begins to end: what was read is still taken, and the feed should then be closed.
    package var onDraining: (() -> Void)?

    init(producer: Producer, share: Int) {
        self.producer = producer
        self.share = share
        room = Gate(loop: producer.loop)
    }

    /// Returns when the group is on its way, with what will be its answer. One call at a time.
    package func put(_ group: EncodedPut, to stream: StreamName) async -> Answer {
        let bytes = producer.bytesHeld(by: group)
        try? await room.wait(while: { bytesOnTheirWay > 0 && bytesOnTheirWay + bytes > share })
        bytesOnTheirWay += bytes
        _ = await producer.waitForRoom(bytes, .group)
        // The next group must not overtake this one, so it waits for the stream's size too.
        // So does it for the group's large items.
        let arrived = producer.loop.now
        let ready: Result<(StoredPut, limit: Int), PutError>
        do {
            let stored = try await producer.store(group, to: stream, arrived: arrived)
            ready = .success((stored, try await producer.recordLimit(of: stream, for: stored.put)))
        } catch {
            ready = .failure(error)
        }
        // Jobs of a loop run in the order in which they were made, so that groups do not overtake one another here.
        return Task(executorPreference: producer.loop) { [self] in
            defer { answered(bytes) }
            do throws(PutError) {
                let (stored, limit) = try ready.get()
                guard let left = stored.put else { return stored.answer(nil) }
                let lane = producer.lane(of: stream)
                return stored.answer(await lane.put(left, largestRecord: limit, arrived: arrived))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Nothing more comes. To be called when every group has its answer.
    package func close() {
        producer.close(self)
    }

    private func answered(_ bytes: Int) {
        bytesOnTheirWay -= bytes
        producer.giveRoom(bytes)
        room.open()
    }
}
