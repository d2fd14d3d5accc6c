import Kinesis

/// How a consumer's shards are read.
enum ReadingWay: Equatable, Sendable {
    /// GetRecords. `insteadOf`: why not by enhanced fan-out, which was asked for; nil: it was not.
    case polling(insteadOf: String?)
    /// SubscribeToShard, as this consumer.
    case fanOut(ConsumerARN)

    /// nil: the shards are polled.
    var consumer: ConsumerARN? {
        if case .fanOut(let consumer) = self { consumer } else { nil }
    }
}
