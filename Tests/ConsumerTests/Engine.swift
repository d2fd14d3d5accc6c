import FakeService
import JSON
import Kinesis
import Logging
import Reactor
import S3
import State
import TestSupport
import Testing

@testable import Consumer

/// Options of a reader that reads everything there is.
let fromStart = ("initialPositionInStream", "TRIM_HORIZON")

/// Runs a test with an engine over a stream of some shards, or without a stream. The time moves on where nobody has
/// anything to do.
func withEngine(
    shards: Int = 1, stateDelay: Duration = .zero,
    settings: @escaping @Sendable (inout EngineSettings) -> Void = { _ in },
    _ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void
) async throws {
    try await onLoop(time: .manual(.whenIdle)) { loop in
        try await FakeKinesis.run(on: loop, shards: shards, stateDelay: stateDelay) { kinesis in
            let engine = try await Engine(kinesis, loop, settings: settings)
            try await body(engine, kinesis)
            await engine.registry.shutDown(deadline: loop.now)
            kinesis.hangUp()
            await engine.store.close()
        }
    }
}

/// An engine over a `FakeKinesis`. Confined to its loop, whose time is a manual one as a rule.
final class Engine: @unchecked Sendable {
    let loop: EventLoop
    let kinesis: FakeKinesis
    let store: StateStore
    private(set) var registry: ConsumerRegistry
    private let settings: EngineSettings
    private let group: GroupContext?
    private let items: ItemStore?

    /// - Parameters:
    ///   - path: of the state's file; nil: it is kept in memory.
    ///   - group: nil: it is alone in its groups.
    init(
        _ kinesis: FakeKinesis, _ loop: EventLoop, path: String? = nil, group: GroupContext? = nil,
        items: ItemStore? = nil, settings change: (inout EngineSettings) -> Void = { _ in }
    ) async throws {
        self.loop = loop
        self.kinesis = kinesis
        self.group = group
        self.items = items
        var settings = EngineSettings()
        settings.defaults.pollDelay = .zero
        settings.defaults.noRecordsPollDelay = .milliseconds(2)
        change(&settings)
        self.settings = settings
        store = try await StateStore.open(path: path, isAlone: group == nil, loop: loop, logger: Self.logger)
        registry = ConsumerRegistry(
            loop: loop, source: kinesis, state: store, group: group, items: items, settings: settings,
            logger: Self.logger)
    }

    static var logger: Logger {
        Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }

    /// The process dies and comes back: what was committed is there, nothing else.
    func restart() {
        registry.stopMeasuring()
        registry = ConsumerRegistry(
            loop: loop, source: kinesis, state: store, group: group, items: items, settings: settings,
            logger: Self.logger)
    }

    func attach(
        _ options: (String, String)..., lastEvent: String? = nil, patience: Duration? = nil
    ) async throws -> RecordsReader {
        try await registry.attach(
            kinesis.name, NamedOptions(options, from: .query), lastEvent: lastEvent, patience: patience)
    }

    func acknowledge(_ acknowledgement: Acknowledgement, isForced: Bool = false) async throws -> [StoredCheckpoint] {
        try await registry.acknowledge(kinesis.name, group: nil, acknowledgement, isForced: isForced)
    }

    var snapshot: ConsumerSnapshot? { registry.snapshots.first }

    /// The records' texts of the next batches, `count` of them at least; fewer when they do not come within 5 s of the
    /// loop's time.
    func read(_ count: Int, from reader: RecordsReader, settling: Bool = true) async throws -> [String] {
        var texts: [String] = []
        let patience = loop.schedule(after: .seconds(5)) {
            Issue.record("records did not come in time")
            reader.detach(.lost)
        }
        while texts.count < count, let delivery = await Self.delivery(from: reader) {
            texts += try Self.texts(delivery)
            if settling { settle(delivery, of: reader) }
        }
        loop.cancel(patience)
        return texts
    }

    /// The reader's next batch; what it is told of shards in between is passed over.
    static func delivery(from reader: RecordsReader) async -> Delivery? {
        while let event = await reader.next() {
            if case .records(let delivery) = event { return delivery }
        }
        return nil
    }

    /// Every event counts as 100 bytes on its connection.
    func settle(_ delivery: Delivery, of reader: RecordsReader) {
        reader.settle(delivery, sentBytes: delivery.id.number * 100)
    }

    static func texts(_ delivery: Delivery) throws -> [String] {
        let event = try JSONParser.parse("{" + delivery.batch.payload.text)
        return event["records"]?.array?.compactMap { $0["data"]?.string } ?? []
    }

    /// Lets everything that has something to do now do it, and what follows from that.
    func turns() async {
        for _ in 0..<50 { await loop.nextTurn() }
    }

    /// Moves the time on until something is true, by 5 s at most.
    func until(_ what: String, _ isTrue: () -> Bool) async {
        let deadline = loop.now + .seconds(5)
        while !isTrue() {
            guard loop.now < deadline else {
                Issue.record("not in time: \(what)")
                return
            }
            await loop.advance(by: .milliseconds(1))
        }
    }
}
