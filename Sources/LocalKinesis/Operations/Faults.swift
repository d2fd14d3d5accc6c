import Bytes
import JSON

/// Which call is meant by an ordered fault.
extension KinesisService {
    /// The faults that hit this call. Without ordered faults nothing is looked at.
    func takeFaults(_ operation: Operation, _ fields: RequestFields, _ body: ByteBuffer) -> [FaultPlan.Fault] {
        guard !faults.pending.isEmpty else { return [] }
        var stream = (try? fields.optionalString("StreamName")) ?? nil
        var shard = (try? fields.optionalString("ShardId")) ?? nil
        if operation.readsOwnBody {
            stream = Self.streamName(in: body)
        } else if let text = (try? fields.optionalString("ShardIterator")) ?? nil, let token = ShardIteratorToken(text)
        {
            stream = token.stream
            shard = LocalShard.id(token.shardIndex)
        }
        return faults.take(operation: operation.rawValue, stream: stream, shardID: shard)
    }

    private static func streamName(in body: ByteBuffer) -> String? {
        guard var scanner = try? JSONObjectScanner(body.bytes) else { return nil }
        while let member = try? scanner.next() {
            if member.key.isString("StreamName") { return (try? member.value.string()) ?? nil }
        }
        return nil
    }
}
