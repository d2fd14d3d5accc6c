import AWS
import Bytes
import Kinesis

/// SubscribeToShard.
extension KinesisService {
    /// Subscribes a consumer to a shard, with the faults that a test has ordered for it.
    /// - Returns: nil where a fault cuts the connection.
    func subscribeToShard(
        _ body: ByteBuffer, as format: WireFormat
    ) async throws(ServiceFault) -> (subscription: ShardSubscription, faults: FrameFaults)? {
        let fields = try RequestFields(body: body, format)
        let faults = takeFaults(.subscribeToShard, fields, body)
        guard try await suffer(faults) else { return nil }
        let (stream, consumer) = try consumer(fields.string("ConsumerARN"))
        let shard = try shard(fields.string("ShardId"), of: stream)
        guard let position = try fields.optionalFields("StartingPosition") else {
            throw RequestFields.missing("StartingPosition")
        }
        let ordinal = try await startingOrdinal(position, .subscription, stream, shard)
        guard consumer.status == .active else {
            throw .resourceInUse("Consumer \(consumer.name) of stream \(stream.name) is \(consumer.status.rawValue).")
        }
        let key = Subscriptions.Key(consumer: ConsumerARN(consumer, of: stream.name), shard: shard.index)
        let (verdict, number) = subscriptions.call(key, now: loop.now, limits: configuration.limits)
        switch verdict {
        case .accepted: break
        case .inUse:
            throw .resourceInUse(
                "Another active subscription exists for this consumer: "
                    + "\(configuration.account):\(stream.name):\(shard.id):\(consumer.name)")
        case .limitExceeded:
            throw .limitExceeded("SubscribeToShard is called more than once a second for \(shard.id).")
        }
        let subscription = ShardSubscription(key, number: number, self, stream, shard, from: ordinal)
        return (subscription, FrameFaults(faults))
    }
}

extension KinesisService {
    /// The messages of one subscription, in process.
    package struct Messages: Sendable {
        fileprivate let subscription: ShardSubscription

        /// The next one, once it is there; nil: the subscription has ended.
        package func next() async -> EventStreamMessage? { await subscription.next() }

        package func close() { subscription.close() }
    }

    /// Carries out a SubscribeToShard without its wire. nil: a fault cuts the connection.
    package func messages(_ request: ByteBuffer) async throws(ServiceFault) -> Messages? {
        try await subscribeToShard(request, as: .json).map { Messages(subscription: $0.subscription) }
    }
}
