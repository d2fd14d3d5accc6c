import Bytes
import HTTP
import HTTPServer
import Kinesis
import Producer
import Reactor

/// One body of lines: one task reads and puts, another answers, so that neither waits for the other more than it must.
///
///     RequestBody → LineSplitter → PutLinesDraft → PutPipeline → LineAnswers → LineOutput → socket
///
/// Confined to its loop. Everything in between is bounded: lines on their way by the pipeline and by the feed, answers by
/// `maximumFailures`, or where every line is answered by `maximumResults`.
final class PutLinesSession: @unchecked Sendable {
    /// Bytes of results that wait for a client that asked for all of them; beyond it the body waits.
    private static let maximumResults = 256 * 1024
    /// Bytes of failures that wait for a client that may read only when it has sent everything; beyond it the lines end.
    /// What is on its way adds to it. 4 MiB are about 30,000 failures.
    static let maximumFailures = 4 << 20

    private let exchange: HTTPExchange
    private let body: RequestBody
    private let feed: PutFeed
    private let options: PutOptions
    private let output: LineOutput
    private let bodyLimit: Int
    private var splitter: LineSplitter
    private var draft: PutLinesDraft
    private var answers: LineAnswers
    private let pipeline: PutPipeline
    /// Why the lines ended before the body did, or why the body did before its end.
    private var problem: Problem?
    private var takesLines = true

    init(
        _ exchange: HTTPExchange, _ body: RequestBody, _ feed: PutFeed, _ stream: StreamName?, _ options: PutOptions,
        _ principal: Principal, puts: ProducerOptions, headers: HTTPHeaders
    ) {
        self.exchange = exchange
        self.body = body
        self.feed = feed
        self.options = options
        output = LineOutput(exchange, headers: headers)
        bodyLimit = exchange.bodyLimit
        splitter = LineSplitter(limit: bodyLimit)
        draft = PutLinesDraft(
            stream: stream, memory: puts.maxPutBytes, isOrdered: options.isOrdered, principal: principal,
            encoding: puts.encoding)
        answers = LineAnswers(showsAll: options.showsAll)
        pipeline = PutPipeline(loop: exchange.loop) { await feed.put($0.put, to: $0.stream) }
    }

    func run() async {
        // What was read is still put.
        feed.onDraining = { [exchange] in exchange.abandonBody() }
        output.isPatient = !options.showsAll
        let answering = exchange.loop.spawn { await self.answer() }
        await read()
        pipeline.end()
        await readAway()
        output.isPatient = false
        await answering.value
    }

    // MARK: Reading

    /// Takes line after line until the body ends, or there is a reason not to.
    private func read() async {
        do throws(Problem) {
            while takesLines, let part = try await body.next() {
                splitter.append(part)
                await takeLines()
                holdPart()
            }
            if takesLines, let line = splitter.finish() { await take(line) }
        } catch {
            // The line that it stops in is not put: it may be the beginning of another one.
            if case .body(.abandoned) = error { problem = problem ?? .draining }
            problem = problem ?? error
        }
        await send()
    }

    private func takeLines() async {
        while takesLines, let line = splitter.next() { await take(line) }
        await send()
    }

    /// The line that is not complete stays in memory, unless too many bodies are there together.
    private func holdPart() {
        do throws(HTTPBodyError) {
            try exchange.holdBody(splitter.heldBytes)
        } catch {
            guard splitter.skipLine() else { return }
            draft.add(.body(error), line: splitter.number)
            try? exchange.holdBody(splitter.heldBytes)
        }
    }

    private func take(_ line: LineSplitter.Line) async {
        guard case .text(let range) = line else {
            if !draft.hasRoom(for: 0) { await send() }
            return draft.add(.body(.tooLarge(limit: bodyLimit, actual: nil)), line: splitter.number)
        }
        if !draft.hasRoom(for: range.count) {
            await send()
            // Others have their turn between two slices of a body that comes faster than it is read.
            await exchange.loop.nextTurn()
        }
        guard range.count > PutLinesDraft.maximumBytes else {
            return unsafe draft.add(splitter.text(range), line: splitter.number)
        }
        // On the loop it would hold everybody else up.
        let (empty, splitter) = (draft, splitter)
        draft = await Task.detached {
            var draft = empty
            unsafe draft.add(splitter.text(range), line: splitter.number)
            return draft
        }.value
    }

    /// Puts what was taken, when there is room for it.
    private func send() async {
        if !draft.isEmpty { await pipeline.put(draft.finish()) }
    }

    /// Where lines were refused because nobody reads their failures, the rest of the body is read and dropped: a client
    /// that sends everything before it reads would never come to read.
    private func readAway() async {
        guard !takesLines else { return }
        while (try? await exchange.bodyPart()) != nil {}
    }

    // MARK: Answering

    private func answer() async {
        await pipeline.answerAll { lines, results in
            let text = ByteBuffer()
            answers.add(lines, results, to: text)
            output.append(text)
            await holdBack()
        }
        feed.close()
        let last = ByteBuffer()
        answers.appendEnd(lines: splitter.number, problem: problem?.document, to: last)
        output.append(last)
        await output.finish()
        exchange.abandonBody()
    }

    /// What happens when the client does not take the answers.
    private func holdBack() async {
        if options.showsAll { return await output.wait(toHold: Self.maximumResults) }
        guard output.heldBytes > Self.maximumFailures, takesLines, !pipeline.isEnded else { return }
        takesLines = false
        problem = .tooManyFailures(limit: Self.maximumFailures)
    }
}
