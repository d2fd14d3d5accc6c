import Bytes

/// Records of one shard as the payload of one event, encoded once and shared by whoever sends it.
package struct EncodedBatch: Sendable {
    /// `"streamName":…,"shardId":…,"millisBehindLatest":…,"records":[…]}` in one line without a line break: an object
    /// without its opening brace, before which a framing puts members of its own. In Protobuf the same fields of `Records`,
    /// beside which a framing puts its own. Of record processors a whole message.
    package let payload: ByteBuffer
    /// Records in the event, user records of aggregates each for itself. At least 1.
    package let recordCount: Int
    /// Records of the response that were read for it: those that begin in it.
    package let readCount: Int
    /// The shard is done through this with the first record alone.
    package let first: Checkpoint
    /// The shard is done through this with all of them.
    package let last: Checkpoint
    /// `last` as a client says it that acknowledges the last record by its numbers: not ahead of `last`, and behind it where
    /// that record is the last of its aggregate.
    package let lastNamed: Checkpoint
    /// Bytes of the records' data as Kinesis holds them, before any encoding.
    package let dataBytes: Int
    /// Whether the response holds no record behind these.
    package let isLast: Bool

    package init(
        payload: ByteBuffer, recordCount: Int, readCount: Int, first: Checkpoint, last: Checkpoint,
        lastNamed: Checkpoint, dataBytes: Int, isLast: Bool
    ) {
        self.payload = payload
        self.recordCount = recordCount
        self.readCount = readCount
        self.first = first
        self.last = last
        self.lastNamed = lastNamed
        self.dataBytes = dataBytes
        self.isLast = isLast
    }

    /// Bytes of the event's data, for `BufferBudget` and the delivery's account.
    package var payloadBytes: Int { payload.count }
}

/// What a GetRecords response, or an event of SubscribeToShard, says beside its records.
package struct GetRecordsEnvelope: Equatable, Sendable {
    /// What stands behind the last record, and whoever goes on gives to the service.
    package enum Next: Equatable, Sendable {
        /// Of a response to GetRecords.
        case iterator(ShardIterator)
        /// Of an event: a later subscription begins after this number.
        case continuation(SequenceNumber)
    }

    /// nil: the shard is closed and read out.
    package var next: Next?
    /// How far behind the newest record the response's end is; 0 when the response does not say.
    package var millisBehindLatest: Int
    /// Only at a shard's end.
    package var childShards: [ChildShard]

    package init(next: Next? = nil, millisBehindLatest: Int = 0, childShards: [ChildShard] = []) {
        self.next = next
        self.millisBehindLatest = millisBehindLatest
        self.childShards = childShards
    }
}
