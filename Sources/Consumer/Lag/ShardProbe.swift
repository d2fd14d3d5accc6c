import AWS
import Kinesis
import Logging
import Reactor
import Time

/// Looks what lies behind a place of a shard: one GetRecords of one record. Confined to its loop.
///
/// It takes its turn of `ReadPaces` as readers do, and room for its response only where there is some.
struct ShardProbe {
    /// A response's room of the budget, which goes back with this.
    private final class Room: @unchecked Sendable {
        var loan: Loan?
    }

    private let context: EngineContext
    private let holder: BufferBudget.Holder
    private let logger: Logger

    init(_ context: EngineContext, _ logger: Logger) {
        self.context = context
        self.logger = logger
        holder = context.budget.newHolder()
    }

    /// nil: the response cannot be read.
    func ask(_ iterator: ShardIterator, of shard: ShardID, in stream: StreamName) async throws(AWSError) -> ShardTip? {
        let pace = ReadPaces.Key(stream: stream, shard: shard)
        do { try await context.paces.turn(of: pace, on: context.loop) } catch { throw .cancelled }
        let room = Room()
        let response = try await context.source.records(of: stream, at: iterator, limit: 1) { [context, holder] bytes in
            room.loan = context.budget.loanAtOnce(bytes, for: holder)
            return room.loan != nil
        }
        defer { room.loan = nil }
        do throws(GetRecordsError) {
            return try ShardTip(response: response, now: .now())
        } catch {
            logger.error("a probe's response cannot be read", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
