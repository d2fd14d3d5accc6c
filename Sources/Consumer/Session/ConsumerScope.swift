import AWS
import Kinesis
import Logging
import State

/// What belongs to one consumer for as long as it is in this process, whoever reads. Shared by the consumer, its sessions
/// and their shards' tasks; confined to the loop.
struct ConsumerScope {
    let key: ConsumerKey
    /// It only watches: no group, and nothing is kept.
    let isTail: Bool
    let sent: SentLog
    let counters = ConsumerCounters()
    let fanOut: FanOut
    let care: StreamCare
    let engine: EngineContext
    let logger: Logger
    /// Of reading its shards.
    let failures: RepeatedWarning

    init(_ key: ConsumerKey, isTail: Bool, engine: EngineContext, logger: Logger) {
        self.key = key
        self.isTail = isTail
        self.engine = engine
        var logger = logger
        logger[metadataKey: "stream"] = "\(key.stream)"
        logger[metadataKey: "consumerGroup"] = isTail ? nil : "\(key.group)"
        self.logger = logger
        failures = RepeatedWarning("reading the shard fails; it is tried again", on: engine.loop, logger: logger)
        fanOut = FanOut(key, in: engine, logger: logger)
        care = StreamCare(of: key.stream, in: engine, logger: logger)
        sent = SentLog(of: key, in: isTail ? nil : engine.state)
    }

    /// nil: nothing is kept.
    var store: StateStore? { isTail ? nil : engine.state }
}
