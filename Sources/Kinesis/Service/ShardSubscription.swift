import AWS
import Bytes
import JSON

/// The events that the service pushes of one shard, as they come. Confined to its loop; ends with the last reference to it.
package protocol ShardSubscription: AnyObject {
    /// Called when `next` would give something after it has given nothing.
    var onArrival: (() -> Void)? { get set }
    /// There is room for the message that is arriving.
    func permit()
    /// What has come.
    func next() -> ShardSubscriptionPart
}

package enum ShardSubscriptionPart: Sendable {
    /// `onArrival` says when there is more.
    case nothing
    /// A message of so many bytes, which is received once there is a `permit` for it.
    case arriving(bytes: Int)
    /// Records, for `RecordBatchEncoder`: maybe none.
    case event(ByteBuffer)
    /// A message that says nothing of records, as the first one.
    case other
    /// The service has ended the subscription, as it does after 5 minutes and behind a shard's end.
    case end
    /// Nothing follows.
    case failed(AWSError)
}

/// SubscribeToShard: one call a second for each consumer and shard, and none within 5 s of one that was successful
/// (ResourceInUseException). Its response is a stream, in JSON always.
package struct SubscribeToShard: Sendable {
    package static let name = "SubscribeToShard"
    let consumer: ConsumerARN
    let shard: ShardID
    let position: StartingPosition

    package init(consumer: ConsumerARN, shard: ShardID, position: StartingPosition) {
        self.consumer = consumer
        self.shard = shard
        self.position = position
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("ConsumerARN", consumer.text)
        json.member("ShardId", shard.text)
        json.key("StartingPosition")
        json.beginObject()
        json.member("Type", position.type.description)
        switch position {
        case .trimHorizon, .latest: break
        case .atTimestamp(let time): json.member("Timestamp", time)
        case .atSequenceNumber(let number), .afterSequenceNumber(let number):
            json.member("SequenceNumber", number.text)
        }
        json.endObject()
        json.endObject()
    }
}

extension KinesisClient {
    /// Subscribes, once; returns when the stream begins.
    package func subscribe(_ operation: SubscribeToShard) async throws(AWSError) -> any ShardSubscription {
        var body = JSONWriter()
        operation.write(&body)
        let request = client.serviceProtocol.request(
            "Kinesis_20131202." + SubscribeToShard.name, body: body.buffer, timeout: Self.controlTimeout)
        return EventStreamSubscription(try await client.stream(request))
    }
}

private final class EventStreamSubscription: ShardSubscription {
    private let stream: EventStream

    init(_ stream: EventStream) {
        self.stream = stream
    }

    var onArrival: (() -> Void)? {
        get { stream.onArrival }
        set { stream.onArrival = newValue }
    }

    func permit() { stream.permit() }

    func next() -> ShardSubscriptionPart {
        switch stream.next() {
        case .nothing: .nothing
        case .arriving(let bytes): .arriving(bytes: bytes)
        // The header names come in any order, and the first message may be missing.
        case .message(let message):
            message.text(":event-type") == "SubscribeToShardEvent" ? .event(message.payload) : .other
        case .end: .end
        case .failed(let error): .failed(error)
        }
    }
}
