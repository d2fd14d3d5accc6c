import AWS
import Consumer
import MultiLang
import Producer
import S3
import State
import Telemetry
import Time

/// What the routes stand on.
package struct GatewayServices: Sendable {
    package let consumers: ConsumerRegistry
    package let producer: Producer
    /// Answers what is asked about streams themselves.
    package let streams: any StreamSource
    package let state: StateStore
    /// What `streams` and the producer's target note there.
    package let activity: ActivityBook
    /// What the client of Kinesis has met lately; nothing where nobody counts.
    package let kinesis: @Sendable () -> ServiceActivity
    /// Of the table that groups are shared by; nil where they are not shared.
    package let table: @Sendable () -> TableActivity?
    /// Of the buckets of large items; nil where nobody uses them.
    package let items: @Sendable () -> ItemActivity?
    /// Of each service that is asked.
    package let credentials: @Sendable () -> [ServiceCredentials]
    /// Of the applications of record processors; empty where none runs.
    package var processors: @Sendable () -> [ProcessorsSnapshot] = { [] }
    /// Lets all of them checkpoint once more and end, until then at the latest.
    package var drainProcessors: @Sendable (ContinuousClock.Instant) async -> Void = { _ in }
    /// Of what is sent to a collector; nil where nothing is.
    package var exports: @Sendable () -> ExportCounters? = { nil }

    package init(
        consumers: ConsumerRegistry, producer: Producer, streams: any StreamSource, state: StateStore,
        activity: ActivityBook, kinesis: @escaping @Sendable () -> ServiceActivity = { ServiceActivity() },
        table: @escaping @Sendable () -> TableActivity? = { nil },
        items: @escaping @Sendable () -> ItemActivity? = { nil },
        credentials: @escaping @Sendable () -> [ServiceCredentials] = { [] }
    ) {
        self.consumers = consumers
        self.producer = producer
        self.streams = streams
        self.state = state
        self.activity = activity
        self.kinesis = kinesis
        self.table = table
        self.items = items
        self.credentials = credentials
    }
}

/// What requests to a service are signed with, without secrets.
package struct ServiceCredentials: Sendable {
    package var service: AWSService
    package var status: CredentialsStatus

    package init(service: AWSService, status: CredentialsStatus) {
        self.service = service
        self.status = status
    }
}

/// What passed between this process and the groups' table, and what keeps groups from it.
package struct TableActivity: Sendable {
    package var service: ServiceActivity
    package var use: GroupTableUse
    /// Nil where there is nothing to be told.
    package var problem: String?

    package init(service: ServiceActivity, use: GroupTableUse, problem: String?) {
        self.service = service
        self.use = use
        self.problem = problem
    }
}

/// What passed between this process and the buckets of large items, and what keeps it from them.
package struct ItemActivity: Sendable {
    package var service: ServiceActivity
    package var counters: ItemCounters
    package var problems: [String]

    package init(service: ServiceActivity, counters: ItemCounters, problems: [String]) {
        self.service = service
        self.counters = counters
        self.problems = problems
    }
}

/// What passed between this process and one of AWS's services, over all streams.
package struct ServiceActivity: Sendable {
    /// When it last answered, with an error or without.
    package var lastAnswer: WallTime?
    /// The failures of the last five minutes.
    package var recentExceptions = RecentExceptions()
    /// As `AWSClient.requestDurations`.
    package var requestDurations: [String: Histogram] = [:]

    package init(
        lastAnswer: WallTime? = nil, recentExceptions: RecentExceptions = RecentExceptions(),
        requestDurations: [String: Histogram] = [:]
    ) {
        self.lastAnswer = lastAnswer
        self.recentExceptions = recentExceptions
        self.requestDurations = requestDurations
    }
}
