import Bytes
import Time

/// Records of one shard as the payload of one event, encoded once and shared by whoever sends it.
package struct EncodedBatch: Sendable {
    /// `"streamName":…,"shardId":…,"millisBehindLatest":…,"records":[…]}` in one line without a line break: an object
    /// without its opening brace, before which a framing puts members of its own.
    package let payload: ByteBuffer
    /// At least 1.
    package let recordCount: Int
    package let firstSequenceNumber: SequenceNumber
    package let lastSequenceNumber: SequenceNumber
    /// When the last record arrived at the service; nil when the answer does not say.
    package let lastArrival: WallTime?
    /// Bytes of the records' data as Kinesis holds them, before any encoding.
    package let dataBytes: Int
    /// Whether the answer holds no record behind these.
    package let isLast: Bool

    package init(
        payload: ByteBuffer, recordCount: Int, firstSequenceNumber: SequenceNumber,
        lastSequenceNumber: SequenceNumber, lastArrival: WallTime?, dataBytes: Int, isLast: Bool
    ) {
        self.payload = payload
        self.recordCount = recordCount
        self.firstSequenceNumber = firstSequenceNumber
        self.lastSequenceNumber = lastSequenceNumber
        self.lastArrival = lastArrival
        self.dataBytes = dataBytes
        self.isLast = isLast
    }

    /// Bytes of the event's data, for `BufferBudget` and the delivery's account.
    package var payloadBytes: Int { payload.count }
}

/// What a GetRecords answer says beside its records.
package struct GetRecordsEnvelope: Equatable, Sendable {
    /// nil: the shard is closed and read out.
    package var nextShardIterator: ShardIterator?
    /// How far behind the newest record the answer's end is; 0 when the answer does not say.
    package var millisBehindLatest: Int
    /// Only at a shard's end.
    package var childShards: [ChildShard]

    package init(
        nextShardIterator: ShardIterator? = nil, millisBehindLatest: Int = 0, childShards: [ChildShard] = []
    ) {
        self.nextShardIterator = nextShardIterator
        self.millisBehindLatest = millisBehindLatest
        self.childShards = childShards
    }
}
