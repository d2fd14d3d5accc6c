import Kinesis

/// What a shard's task does next.
enum ShardStep: Equatable, Sendable {
    /// Nothing until then; nil: until a fact comes.
    case wait(until: ContinuousClock.Instant?)
    case askIterator(StartingPosition)
    /// Room for a response of this many bytes, or for the least that is of use; `permitted` follows.
    case takePermit(bytes: Int, least: Int)
    case getRecords(ShardIterator, limit: Int)
    /// A subscription from there on; `began` or `failed` follows.
    case subscribe(StartingPosition, generation: UInt64)
    /// Whatever has come of the subscription, up to the end of a message.
    case receive(generation: UInt64)
    /// The next slice of the response that is held; `offered`, `responseEnded` or `responseBroken` follows.
    case encode
    /// The reader has everything of the shard, and is told so.
    case announceEnd
    /// The shard is read to its end and all of it is done.
    case end(children: [ChildShard])
}
