import Bytes
import Time

/// Which call is meant by an ordered fault, and what it does to the call.
extension KinesisService {
    /// The faults that hit this call. Without ordered faults nothing is looked at.
    func takeFaults(_ operation: Operation, _ fields: RequestFields, _ body: ByteBuffer) -> [FaultPlan.Fault] {
        guard !faults.pending.isEmpty else { return [] }
        var stream = (try? fields.optionalString("StreamName")) ?? nil
        var shard = (try? fields.optionalString("ShardId")) ?? nil
        if operation.readsOwnBody {
            stream = PutRequest.streamName(in: body, fields.format)
        } else if let text = (try? fields.optionalString("ShardIterator")) ?? nil, let token = ShardIteratorToken(text)
        {
            stream = token.stream
            shard = LocalShard.id(token.shardIndex)
        }
        if operation == .subscribeToShard, let arn = (try? fields.optionalString("ConsumerARN")) ?? nil {
            stream = ConsumerARN(arn)?.stream
        }
        return faults.take(operation: operation.rawValue, stream: stream, shardID: shard)
    }

    /// False where the connection is to be cut at once.
    func suffer(_ faults: [FaultPlan.Fault]) async throws(ServiceFault) -> Bool {
        for fault in faults {
            switch fault.kind {
            case .throttle:
                throw ServiceFault(
                    code: "ProvisionedThroughputExceededException", message: "Rate exceeded (ordered by a test).")
            case .fail: throw .internalFailure
            case .cut: return false
            case .delay: try? await loop.sleep(for: .milliseconds(fault.milliseconds))
            case .expireIterators: iteratorsExpiredBefore = WallTime.now().advanced(by: .milliseconds(1))
            case .cutAfter, .failEntries, .cutFrame, .badChecksum, .silence, .exception, .endEarly, .splitFrames:
                continue
            }
        }
        return true
    }
}
