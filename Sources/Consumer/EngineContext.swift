import Kinesis
import Reactor
import State

/// What every consumer of the process stands on.
struct EngineContext: Sendable {
    let loop: EventLoop
    let source: any StreamSource
    let state: StateStore
    let budget: SharedBudget
    let times: ShardTimes
    /// What this machine is called.
    let host: String
    /// nil: this process is alone in its groups.
    let group: GroupContext?
    /// nil: records that point to large items are given out as they are.
    let items: ItemReading?
    /// Who may ask which shard for records when.
    let paces = SharedPaces()
}

/// What the watchdog goes by; tests have shorter times.
package struct ShardTimes: Sendable {
    /// How long a shard may get nowhere beyond its own next deadline before it is restarted. Issue 4: 35 s, which is
    /// longer than any call may take, so that the watchdog never races a time-out.
    package var patience: Duration = ShardWatchdog.patience
    /// The longest that a call of a shard may take: the transport's time-out for records, which is the longest one.
    package var call: Duration = KinesisClient.dataTimeout
    /// How long a shard that moves waits for the reader that has a batch of it in its socket, has to acknowledge one, or
    /// to let it go on. Afterwards that batch is delivered again to the new reader.
    package var handOver: Duration = .seconds(5)
    /// The same for record processors, which are at work on a batch: as long as the KCL waits
    /// (`gracefulLeaseHandoffTimeoutMillis`).
    package var processorHandOver: Duration = .seconds(30)
    /// How long a reader may get nothing because others take nothing and hold all the room.
    package var starving: Duration = .seconds(10)

    package init() {}
}
