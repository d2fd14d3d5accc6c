import Bytes
import HTTPServer
import Kinesis
import Producer
import Protobuf
import Reactor

extension Gateway {
    /// `PutStream`: each request is a put of its own, as a line of a body of lines is.
    func putStreamCall(_ call: GRPCCall) async throws(Problem) {
        let feed: PutFeed
        do { feed = try services.producer.openFeed() } catch { throw .draining }
        let session = PutStreamSession(call, feed, puts: services.producer.options) {
            name throws(Problem) in try self.stream(name, of: call)
        }
        let timer = call.deadline.map { loop.schedule(at: $0) { session.end(.grpc(.deadlinePassed)) } }
        await session.run()
        if let timer { loop.cancel(timer) }
    }
}

/// One call of PutStream: one task reads and puts, another answers.
///
///     GRPCCall → PutLinesDraft → PutPipeline → PutStreamResponse
///
/// Confined to its loop. What is on its way is bounded by the pipeline and by the feed; a client that takes no responses stops
/// the answering, and so the reading.
final class PutStreamSession: @unchecked Sendable {
    private let call: GRPCCall
    private let feed: PutFeed
    private let puts: ProducerOptions
    /// The stream of a name, where the caller may write to it.
    private let named: (String) throws(Problem) -> StreamName
    private let pipeline: PutPipeline
    private var draft: PutLinesDraft
    /// Requests so far.
    private var count = 0
    /// The stream of the last request.
    private var stream: StreamName?
    /// The client takes no responses any more.
    private var isLost = false
    /// Why the requests ended before the client ended them.
    private var reason: Problem?

    init(
        _ call: GRPCCall, _ feed: PutFeed, puts: ProducerOptions,
        named: @escaping (String) throws(Problem) -> StreamName
    ) {
        self.named = named
        self.call = call
        self.feed = feed
        self.puts = puts
        pipeline = PutPipeline(loop: call.exchange.loop) { await feed.put($0.put, to: $0.stream) }
        draft = Self.draft(puts, isOrdered: false)
    }

    private static func draft(_ puts: ProducerOptions, isOrdered: Bool) -> PutLinesDraft {
        PutLinesDraft(
            stream: nil, memory: puts.maxPutBytes, isOrdered: isOrdered, encoding: puts.encoding)
    }

    func run() async {
        // What was read is still put, and answered.
        feed.onDraining = { [weak self] in self?.end(.draining) }
        let answering = call.exchange.loop.spawn { await self.answer() }
        await read()
        pipeline.end()
        await answering.value
    }

    /// Takes no more requests, and ends with this problem behind the responses to those that were taken.
    func end(_ problem: Problem) {
        if reason == nil { reason = problem }
        call.exchange.abandonBody()
    }

    // MARK: Reading

    private func read() async {
        do throws(Problem) {
            while reason == nil, !isLost {
                while let message = try call.arrived() { try await take(message) }
                await send()
                guard try await call.read(isPatient: true) else { break }
            }
        } catch {
            if reason == nil { reason = error }
        }
        await send()
    }

    private func take(_ message: ProtobufReader) async throws(Problem) {
        let request: PutMessage
        do throws(ProtobufError) { request = try PutMessage(message) } catch { throw .grpc(.malformed(error)) }
        if !request.stream.isEmpty { stream = try named(request.stream) }
        guard let stream else { throw .field(.missing("streamName", hint: "which the first request names")) }
        if count == 0, request.isOrdered {
            draft = Self.draft(puts, isOrdered: true)
        }
        if !draft.hasRoom(for: request.values.data.count) {
            await send()
            // Others have their turn between two slices of what comes faster than it is read.
            await call.exchange.loop.nextTurn()
        }
        count += 1
        draft.add(request.values, in: message.buffer, to: stream, line: count)
    }

    /// Puts what was taken, when there is room for it.
    private func send() async {
        if !draft.isEmpty { await pipeline.put(draft.finish()) }
    }

    // MARK: Answering

    private func answer() async {
        let response = try? await call.begin()
        await pipeline.answerAll { lines, results in
            let messages = PutResponses(lines, results).messages
            do throws(ConnectionClosed) { try await response?.write([messages]) } catch { lost() }
        }
        feed.close()
        await response?.finish(trailers: GRPCStatus(problem: reason?.document).trailers)
    }

    private func lost() {
        isLost = true
        call.exchange.abandonBody()
    }
}

/// The responses to requests that were put together, in their order. Performs no I/O.
struct PutResponses {
    private var responses: [(line: Int, encryptionType: String?, result: PutResult)] = []

    /// - Parameter answers: one for each group, in their order.
    init(_ lines: PutLines, _ answers: [Result<PutAnswer, PutError>]) {
        precondition(answers.count == lines.groups.count)
        for (group, answer) in zip(lines.groups, answers) {
            switch answer {
            case .success(let answer):
                for (line, result) in zip(group.lines, answer.results) {
                    responses.append((line, answer.encryptionType, result))
                }
            case .failure(let error):
                let (code, message) = error.asEntry
                for line in group.lines { responses.append((line, nil, .failed(code: code, message: message))) }
            }
        }
        for fault in lines.faults {
            responses.append((fault.line, nil, .failed(code: fault.code.rawValue, message: fault.detail)))
        }
        // One group alone is in order already.
        if lines.groups.count + (lines.faults.isEmpty ? 0 : 1) > 1 { responses.sort { $0.line < $1.line } }
    }

    /// With their prefixes, one behind the other.
    var messages: ByteBuffer {
        let messages = ByteBuffer(capacity: responses.count * 128)
        let one = ProtobufWriter(ByteBuffer(capacity: 256))
        for response in responses {
            one.buffer.removeAll()
            if let type = response.encryptionType { one.text(1, type) }
            one.message(2) { response.result.write($0) }
            MessageSplitter.prefix(one.buffer.count, to: messages)
            messages.append(one.buffer)
        }
        return messages
    }
}
