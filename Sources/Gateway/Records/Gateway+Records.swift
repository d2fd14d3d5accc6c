import Bytes
import Consumer
import HTTP
import HTTPServer
import Kinesis

extension Gateway {
    /// `GET /streams/{s}/records`: follows a stream, as server-sent events or lines of JSON, until one side ends it.
    func follow(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        try await begin(exchange, stream)?.run()
    }

    /// nil where the request is answered already. Apart from `follow`, whose frame lives for as long as the connection.
    @inline(never)
    private func begin(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) -> RecordsSession? {
        let request = try RecordsRequest(exchange.request)
        if exchange.request.method == .head {
            // There is nothing to tell of an answer without an end but its head; nobody is attached for it.
            await exchange.respond(.ok, headers: request.framing.headers)
            return nil
        }
        // A library comes back to whatever takes this one's place once its connection is closed, while any status but 200
        // ends an EventSource for good.
        if stage == .ending {
            exchange.abort()
            return nil
        }
        let presence = PeerPresence(exchange)
        let reader: RecordsReader
        do {
            reader = try await attach(stream, request)
        } catch {
            if case .shuttingDown = error, stage == .ending {
                exchange.abort()
            } else {
                try await refuse(exchange, .consumer(error, stream: stream), request)
            }
            return nil
        }
        guard presence.isThere else {
            reader.detach(.lost)
            return nil
        }
        return RecordsSession(
            reader, exchange, presence, request.framing, lastEvent: request.lastEvent,
            heartbeatInterval: request.heartbeatInterval, of: self)
    }

    private func refuse(
        _ exchange: HTTPExchange, _ problem: Problem, _ request: RecordsRequest
    ) async throws(Problem) {
        let document = problem.document
        let refusal = ReaderRefusal(document.code.status, of: request)
        switch refusal {
        case .response: throw problem
        case .close:
            note(document, of: exchange, refusal)
            exchange.abort()
        case .event(let id):
            note(document, of: exchange, refusal)
            let text = ByteBuffer()
            ServerSentEvents.appendRetry(milliseconds: Greeting.retryMilliseconds, to: text)
            ServerSentEvents.appendHead(id: id, event: "problem", to: text)
            text.append(document.body)
            text.append(ServerSentEvents.end)
            let stream = try? await exchange.startStreaming(
                .ok, headers: request.framing.headers, closesConnection: true)
            // A client that has gone meanwhile needs no response.
            try? await stream?.write([text])
            await stream?.finish()
        }
    }

    private func attach(_ stream: StreamName, _ request: RecordsRequest) async throws(ConsumerError) -> RecordsReader {
        if !stage.takesReaders { throw .shuttingDown }
        let patience = request.isOfLibrary ? options.readerPatience : nil
        if request.isTail {
            return try await services.consumers.watch(
                stream, request.options, lastEvent: request.lastEvent, patience: patience)
        }
        return try await services.consumers.attach(
            stream, request.options, lastEvent: request.lastEvent, patience: patience)
    }

    /// The options of a consumer that a query names.
    static func consumerOptions(
        _ items: some Sequence<QueryItems.Item>, accepted: [String] = ConsumerOption.namesInQuery
    ) throws(Problem) -> NamedOptions {
        do {
            return try NamedOptions(items.map { ($0.name, $0.value) }, from: .query)
        } catch {
            throw .option(error, accepted: accepted)
        }
    }
}

extension ConsumerOption {
    /// The options that a query may name.
    static let namesInQuery: [String] = all.filter { $0.scope == .query }.map(\.name)
}
