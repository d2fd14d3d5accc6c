import AWS
import Consumer
import Producer
import State

/// What the routes stand on.
package struct GatewayServices: Sendable {
    package let consumers: ConsumerRegistry
    package let producer: Producer
    /// Answers what is asked about streams themselves.
    package let streams: any StreamSource
    package let state: StateStore
    /// What the client of Kinesis has met lately, for `/readyz`; empty where nobody counts.
    package let recentFailures: @Sendable () -> [String]

    package init(
        consumers: ConsumerRegistry, producer: Producer, streams: any StreamSource, state: StateStore,
        recentFailures: @escaping @Sendable () -> [String] = { [] }
    ) {
        self.consumers = consumers
        self.producer = producer
        self.streams = streams
        self.state = state
        self.recentFailures = recentFailures
    }
}
