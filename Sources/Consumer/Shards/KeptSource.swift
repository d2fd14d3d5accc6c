import Kinesis

/// Stands right behind the last record of a shard that is done, for the shard's next task. Confined to its loop.
enum KeptSource {
    /// It lives 5 minutes; an expired one is replaced by whoever uses it.
    case iterator(ShardIterator)
    /// A subscription that goes on meanwhile, unread. Released, it is over.
    case subscription(SubscriptionSource, any ShardSubscription)
}
