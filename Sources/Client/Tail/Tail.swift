import AWS
import Bytes
import Glibc
import HTTP
import JSON
import Reactor
import Time

/// `tail`: shows a stream's records, over as many connections as it takes. Confined to its loop.
final class Tail: @unchecked Sendable {
    /// The sidecar gives a sign of life every 4 s.
    private static let longestSilence = Duration.seconds(30)
    /// After which a tail that does not follow ends, once what came was at its shard's tip.
    private static let idleTime = Duration.seconds(5)
    private static let retryDelays = Duration.milliseconds(250)...Duration.seconds(5)
    /// A record of 10 MiB, all of it escaped.
    private static let longestLine = 64 << 20

    /// Why a connection's reading has ended.
    private enum Ending: Equatable {
        /// Nothing more is to be shown.
        case done
        case lost(String)
        case stopped
    }

    private let options: TailOptions
    private let context: ClientContext
    private let news: Gate
    private var cursor: TailCursor
    private var left: Int
    /// Shards whose last event was behind their tips.
    private var behind: Set<String> = []
    private var isReaderGone = false
    private let output = ByteBuffer()

    init(_ options: TailOptions, _ context: ClientContext) {
        self.options = options
        self.context = context
        news = Gate(loop: context.loop)
        cursor = TailCursor(from: options.from ?? .latest)
        left = options.count ?? .max
    }

    func run(_ values: CommandValues) async throws(ClientError) -> Bool {
        let sidecar = try context.sidecar(values)
        // A handler, not an event of the loop: it ends the process also while a write waits for a reader.
        for signal in [SIGINT, SIGTERM] { Glibc.signal(signal) { _ in _exit(0) } }
        let watch = watchReader()
        defer { watch?.cancel() }
        var hasConnected = false
        var delay = Self.retryDelays.lowerBound
        while true {
            let why: String
            do throws(ClientError) {
                let stream = try await connect(sidecar)
                if hasConnected, delay > Self.retryDelays.lowerBound { context.note("reading goes on") }
                hasConnected = true
                delay = Self.retryDelays.lowerBound
                switch try await read(stream, sidecar) {
                case .done: return true
                case .stopped: throw .failed("the group's reading was stopped; POST …/start begins it again")
                case .lost(let reason): why = reason
                }
            } catch {
                guard hasConnected, error.mayPass else { throw error }
                why = error.description
            }
            if isReaderGone { return true }
            if delay == Self.retryDelays.lowerBound { context.note("\(why); trying again") }
            try? await context.loop.sleep(for: delay)
            delay = min(delay * 2, Self.retryDelays.upperBound)
        }
    }

    /// Notices a closed pipe (`| head`) also while there is nothing to write.
    private func watchReader() -> Watch? {
        guard context.output.isPipe else { return nil }
        return try? context.loop.watch(context.output.fd, []) { [unowned self] readiness in
            guard readiness.contains(.error) else { return }
            isReaderGone = true
            news.open()
        }
    }

    // MARK: One connection

    private func connect(_ sidecar: SidecarClient) async throws(ClientError) -> ResponseStream {
        var items: [(name: String, value: String?)] = [
            ("tail", options.group == nil ? "true" : nil), ("consumerGroup", options.group),
            // Then the bytes are exactly those that were put. A group's other readers have their own wish.
            // What was written is acknowledged, and nothing else: else the group would lose what nobody saw.
            ("useAutoCheckpoints", options.group == nil ? nil : "false"),
            ("shouldParseJson", options.group == nil && options.style == .raw ? "false" : nil),
        ]
        switch options.group == nil ? cursor.next : options.from {
        // The group's other readers, or the configuration, say it.
        case nil: break
        case .trimHorizon: items.append(("initialPositionInStream", "TRIM_HORIZON"))
        case .latest: items.append(("initialPositionInStream", "LATEST"))
        case .moment(let text):
            items += [("initialPositionInStream", "AT_TIMESTAMP"), ("initialTimestamp", text)]
        }
        var headers = [(name: "Accept", value: "application/x-ndjson")]
        if let id = cursor.lastEvent { headers.append(("Last-Event-ID", id)) }
        let stream = try await sidecar.open(
            SidecarClient.path("streams", options.stream, "records"), query: SidecarClient.query(items),
            headers: headers)
        cursor.connected(at: stream.head.headers.first("date").flatMap { WallTime(httpDate: $0) } ?? .now())
        return stream
    }

    private func read(_ stream: ResponseStream, _ sidecar: SidecarClient) async throws(ClientError) -> Ending {
        var splitter = LineSplitter(limit: Self.longestLine)
        var lastBytes = context.loop.now
        var lastRecord = context.loop.now
        stream.onArrival = { [news] in news.open() }
        while !isReaderGone {
            switch stream.take() {
            case .bytes(let bytes):
                lastBytes = context.loop.now
                splitter.append(bytes)
                let shown = left
                let ending = try await take(&splitter, sidecar)
                if left != shown { lastRecord = context.loop.now }
                if let ending { return ending }
            case .nothing:
                let now = context.loop.now
                let silent = lastBytes + Self.longestSilence
                let idle = options.follows || !behind.isEmpty ? nil : lastRecord + Self.idleTime
                if now >= silent { return .lost("\(sidecar.address) has been silent for \(Self.longestSilence)") }
                if let idle, now >= idle { return .done }
                try? await news.wait(until: min(silent, idle ?? silent))
            case .end: return .lost("\(sidecar.address) has ended the response")
            case .failed(let error):
                return .lost("the connection to \(sidecar.address) was lost (\(error))")
            }
        }
        return .done
    }

    /// Shows what the complete lines bring; nil: there is more to come.
    private func take(
        _ splitter: inout LineSplitter, _ sidecar: SidecarClient
    ) async throws(ClientError) -> Ending? {
        while let line = splitter.next() {
            guard case .text(let range) = line else { throw .unexpected("a line that has no end", sidecar.address) }
            let ending: Ending?
            do {
                ending = try withExtendedLifetime(splitter) { () throws(JSONError) in
                    try show(TailEvent(splitter.text(range)), sidecar)
                }
            } catch {
                throw .unexpected("a line that is not JSON (\(error))", sidecar.address)
            }
            if let ending { return try await flush(sidecar) ? ending : .done }
        }
        return try await flush(sidecar) ? nil : .done
    }

    /// False when nobody reads any more.
    private func flush(_ sidecar: SidecarClient) async throws(ClientError) -> Bool {
        defer { output.removeAll() }
        guard output.isEmpty || context.output.write(output) else { return false }
        guard let group = options.group else { return true }
        for acknowledgement in cursor.takeShown() {
            _ = try await SidecarClient.accepted(
                sidecar.send(
                    SidecarClient.path("streams", options.stream, "checkpoints"), method: .post,
                    query: SidecarClient.query([("consumerGroup", group)]), body: acknowledgement.body))
        }
        return true
    }

    private func show(_ event: TailEvent, _ sidecar: SidecarClient) throws(JSONError) -> Ending? {
        switch event {
        case .records(let event): return try show(event)
        case .assigned(let shard): cursor.assigned(shard)
        case .problem(let title, let detail): context.note(detail.isEmpty ? title : "\(title): \(detail)")
        case .end(reason: "stopped"): return .stopped
        case .end: return .lost("\(sidecar.address) is ending")
        case .other: break
        }
        return nil
    }

    private func show(_ event: TailEvent.Records) throws(JSONError) -> Ending? {
        if event.isAtTip { behind.remove(event.shard) } else { behind.insert(event.shard) }
        var records = try JSONArrayScanner(event.records, limits: TailEvent.limits)
        while left > 0, let element = try records.next() {
            let record = try TailRecord(element)
            // A group's records come again where the sidecar cannot know that they were read: they are shown again.
            let arrival = WallTime(iso8601: record.arrival) ?? WallTime(milliseconds: 0)
            let isNew = cursor.admits(record.place, of: event.shard, arrival: arrival)
            guard isNew || options.group != nil else { continue }
            try record.append(options.style, shard: event.shard, to: output)
            left -= 1
            if left == 0, options.group != nil {
                cursor.stopped(behind: record.place.number, sub: record.subSequenceNumber, of: event.shard)
                return .done
            }
        }
        if let id = event.id { cursor.ended(event: id) }
        return left == 0 ? .done : nil
    }
}

extension TailCursor.Acknowledgement {
    /// As `POST …/checkpoints` takes it.
    var body: ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        switch self {
        case .event(let id): json.member("id", id)
        case .record(let shard, let number, let sub):
            json.member("shardId", shard)
            json.member("sequenceNumber", number)
            if let sub { json.member("subSequenceNumber", sub) }
        }
        json.endObject()
        return json.buffer
    }
}

extension ClientError {
    /// Whether another attempt may do better: nobody answers for now, or the sidecar is starting or ending.
    fileprivate var mayPass: Bool {
        switch self {
        case .transport: true
        case .refused(let refusal): refusal.status == 429 || refusal.status >= 500
        case .usage, .unexpected, .failed: false
        }
    }
}
