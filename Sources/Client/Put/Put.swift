import AWS
import Bytes
import Glibc
import HTTP
import Reactor

/// `put`: reads records and puts them, a batch after the other. Confined to its loop.
final class Put: @unchecked Sendable {
    /// What is kept of one line, or of one file that is a record: more than a record may have, also as a large item.
    private static let largestRecord = 64 << 20
    private static let redrawInterval = Duration.milliseconds(100)

    private let options: PutOptions
    private let context: ClientContext
    private let news: Gate
    private var progress: PutProgress
    /// The last record that is known to be put, or to have failed for good.
    private var last: PutBatch.Origin?
    private var isStopped = false
    private let started: EventLoop.Instant
    private var drawnAt: EventLoop.Instant?

    init(_ options: PutOptions, _ context: ClientContext) {
        self.options = options
        self.context = context
        news = Gate(loop: context.loop)
        started = context.loop.now
        progress = PutProgress(total: Self.total(options.source))
    }

    func run(_ values: CommandValues) async throws(ClientError) -> Bool {
        let sidecar = try context.sidecar(values)
        Signals.block([SIGINT, SIGTERM])
        let signals = try? Signals(loop: context.loop, [SIGINT, SIGTERM]) { [unowned self] _ in
            // The second time nobody waits for what is on its way.
            if isStopped { _exit(1) }
            isStopped = true
            news.open()
        }
        defer { signals?.cancel() }
        do throws(ClientError) {
            switch options.source {
            case .arguments(let data): try await put(data, sidecar)
            case .files(let paths): for path in paths where !isStopped { try await put(path, sidecar) }
            }
        } catch {
            endDrawing()
            throw error
        }
        endDrawing()
        if isStopped { throw .failed("stopped: \(known); nothing behind that was put") }
        if draws || progress.failures > 0 { context.note(progress.summary) }
        return progress.failures == 0
    }

    // MARK: Sources

    private func put(_ data: [String], _ sidecar: SidecarClient) async throws(ClientError) {
        var batch = PutBatch()
        for (index, text) in data.enumerated() where !isStopped {
            let origin = PutBatch.Origin(source: .argument, number: index + 1)
            let bytes = ByteBuffer(text)
            withExtendedLifetime(bytes) { add(bytes.bytes, origin, to: &batch) }
            if batch.isFull { try await send(&batch, sidecar) }
        }
        if !isStopped { try await send(&batch, sidecar) }
    }

    private func put(_ path: String, _ sidecar: SidecarClient) async throws(ClientError) {
        guard let input = path == "-" ? context.input : Input.open(path) else {
            throw .failed("\(path) cannot be read: \(SmallInput.lastError)\(soFar)")
        }
        defer { if path != "-" { input.close() } }
        if path == "-", input.isTerminal, draws { context.note("each line is a record; Ctrl-D ends") }
        let source: PutBatch.Origin.Source = path == "-" ? .standardInput : .file(path)
        if case .whole = options.form { return try await putWhole(input, source, sidecar) }
        try await putLines(input, source, sidecar)
    }

    private func putLines(
        _ input: Input, _ source: PutBatch.Origin.Source, _ sidecar: SidecarClient
    ) async throws(ClientError) {
        var splitter = LineSplitter(limit: Self.largestRecord)
        var batch = PutBatch()
        var hasEnded = false
        while !isStopped {
            if let line = splitter.next() ?? (hasEnded ? splitter.finish() : nil) {
                let origin = PutBatch.Origin(source: source, number: splitter.number)
                switch line {
                case .text(let range):
                    withExtendedLifetime(splitter) { add(splitter.text(range), origin, to: &batch) }
                case .tooLong: fail(origin, "the line is longer than \(Self.largestRecord) bytes")
                }
                if batch.isFull { try await send(&batch, sidecar) }
            } else if hasEnded {
                break
            } else {
                // Whoever writes a line now and then has it put now.
                if !batch.isEmpty, !input.isReady { try await send(&batch, sidecar) }
                if let bytes = try await read(input, source) { splitter.append(bytes) } else { hasEnded = true }
            }
        }
        if !isStopped { try await send(&batch, sidecar) }
    }

    private func putWhole(
        _ input: Input, _ source: PutBatch.Origin.Source, _ sidecar: SidecarClient
    ) async throws(ClientError) {
        let whole = ByteBuffer()
        while let part = try await read(input, source) {
            whole.append(part)
            guard whole.count <= Self.largestRecord else {
                throw .failed("\(source.text) is larger than \(Self.largestRecord) bytes, and no record\(soFar)")
            }
        }
        guard !isStopped else { return }
        var batch = PutBatch()
        withExtendedLifetime(whole) {
            add(whole.bytes, PutBatch.Origin(source: source, number: 1), to: &batch)
        }
        try await send(&batch, sidecar)
    }

    /// What is there, or comes next; nil: the end, or a signal.
    private func read(_ input: Input, _ source: PutBatch.Origin.Source) async throws(ClientError) -> ByteBuffer? {
        await input.wait(on: context.loop, orFor: news) { [unowned self] in isStopped }
        if isStopped { return nil }
        let bytes = ByteBuffer()
        switch input.read(to: bytes) {
        case .end: return nil
        case .failed(let reason): throw .failed("\(source.text) cannot be read: \(reason)\(soFar)")
        case .bytes(let count):
            progress.read(count)
            return bytes
        }
    }

    /// Bytes of all files; nil where one of them has no length.
    private static func total(_ source: PutOptions.Source) -> Int? {
        guard case .files(let paths) = source else { return nil }
        // Not opened for that: who writes to a named pipe would find its reader gone.
        let sizes = paths.map { Input.size(of: $0 == "-" ? "/dev/stdin" : $0) }
        return sizes.contains(nil) ? nil : sizes.compactMap(\.self).reduce(0, &+)
    }

    // MARK: Batches

    private func add(_ bytes: UnsafeRawBufferPointer, _ origin: PutBatch.Origin, to batch: inout PutBatch) {
        switch options.form {
        case .line(let key), .whole(let key): batch.add(bytes, key: key, origin)
        case .fields: batch.add(fields: bytes, origin)
        }
    }

    /// Sends the batch and leaves a new one in its place.
    private func send(_ batch: inout PutBatch, _ sidecar: SidecarClient) async throws(ClientError) {
        guard let first = batch.origins.first, let end = batch.origins.last else { return }
        let sent = batch
        batch = PutBatch()
        let unknown = "\(known); whether \(Self.range(first, end)) were put is not known"
        let response: TransportResponse
        do {
            response = try await sidecar.send(
                SidecarClient.path("streams", options.stream, "put"), method: .post,
                query: options.isOrdered ? "ordered=true" : nil, body: sent.body, type: "application/x-ndjson")
        } catch {
            guard case .transport(let cause, _) = error else { throw error }
            let fate = cause.mayHaveBeenSent ? unknown : nothing(from: first)
            throw .failed("\(Self.sentence(error.description)) \(fate)")
        }
        guard response.head.isSuccess else {
            let refusal = ClientError.Refusal(status: response.status, body: response.body.text)
            throw .failed("\(Self.sentence(ClientError.refused(refusal).description)) \(nothing(from: first))")
        }
        guard let result = PutBatchResponse(response.body.text) else {
            throw .failed("\(sidecar.address) has cut its response. \(unknown)")
        }
        for failure in result.failures where sent.origins.indices.contains(failure.index) {
            complain(sent.origins[failure.index], failure.reason)
        }
        let share = sent.origins.isEmpty ? 0 : sent.bytes / sent.origins.count * result.accepted
        progress.put(
            result.accepted, failed: result.failures.count,
            bytes: result.accepted == sent.origins.count ? sent.bytes : share)
        if result.lines > 0 { last = sent.origins[min(result.lines, sent.origins.count) - 1] }
        if let problem = result.problem {
            let place = sent.origins.indices.contains(result.lines) ? sent.origins[result.lines] : end
            throw .failed("\(problem). \(nothing(from: place))")
        }
        draw()
    }

    // MARK: What is said

    /// `2000 records are known to have been put, through events.ndjson:2000`
    private var known: String {
        let count = progress.records == 1 ? "1 record is" : "\(progress.records) records are"
        let failed = progress.failures > 0 ? " (and \(progress.failures) to have failed)" : ""
        return "\(count) known to have been put\(failed)" + (last.map { ", through \($0)" } ?? "")
    }

    private func nothing(from first: PutBatch.Origin) -> String { "\(known); from \(first) on nothing was put" }

    /// Behind a mistake of the input; nothing where it was the first.
    private var soFar: String { last == nil ? "" : ". \(known)" }

    private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }

    private static func range(_ first: PutBatch.Origin, _ last: PutBatch.Origin) -> String {
        first == last ? "the record of \(first)" : "the records from \(first) to \(last)"
    }

    private func fail(_ origin: PutBatch.Origin, _ reason: String) {
        progress.put(0, failed: 1, bytes: 0)
        complain(origin, reason)
    }

    private func complain(_ origin: PutBatch.Origin, _ reason: String) {
        endDrawing()
        context.note("\(origin): \(reason)")
    }

    // MARK: The bar

    private var draws: Bool { options.showsProgress && context.errors.isTerminal }

    private func draw() {
        guard draws else { return }
        let now = ContinuousClock.now
        if let drawnAt, now - drawnAt < Self.redrawInterval { return }
        drawnAt = now
        // Back to the line's beginning, and the rest of what stood there away.
        _ = context.errors.write("\r\(progress.line(after: now - started))\u{1b}[K")
    }

    /// Leaves the bar where it stands, at its last.
    private func endDrawing() {
        guard drawnAt != nil else { return }
        drawnAt = nil
        draw()
        drawnAt = nil
        _ = context.errors.write("\n")
    }
}

extension PutBatch.Origin.Source {
    fileprivate var text: String {
        switch self {
        case .argument: "the argument"
        case .standardInput: "standard input"
        case .file(let path): path
        }
    }
}
