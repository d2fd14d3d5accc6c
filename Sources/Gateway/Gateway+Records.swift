import Consumer
import HTTP
import HTTPServer
import Kinesis

extension Gateway {
    /// `GET /streams/{s}/records`: follows a stream, as server-sent events, until one side ends it.
    func follow(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let named = try Self.consumerOptions(exchange.request)
        let accept = exchange.request.headerValues("accept")
        guard AcceptedTypes(accept).take(ServerSentEvents.contentType) else {
            throw .notAcceptable(accept.joined(separator: ", "), accepted: [ServerSentEvents.contentType])
        }
        if exchange.request.method == .head {
            // There is nothing to tell of an answer without an end but its head; nobody is attached for it.
            return await exchange.respond(.ok, headers: Self.eventHeaders)
        }
        if isDraining { return exchange.abort() }
        let presence = PeerPresence(exchange)
        let reader: RecordsReader
        do {
            reader = try await services.consumers.attach(stream, named)
        } catch {
            if case .shuttingDown = error { return exchange.abort() }
            throw .consumer(error, stream: stream)
        }
        guard presence.isThere else { return reader.detach(.lost) }
        await RecordsSession(reader, exchange, presence, heartbeat: options.heartbeatInterval).run()
    }

    static let eventHeaders: HTTPHeaders = [
        "Content-Type": ServerSentEvents.contentType, "Cache-Control": "no-store", "X-Accel-Buffering": "no",
    ]

    /// The options that a query may name in this version.
    static let queryOptions: [String] = ConsumerOption.all.compactMap { option in
        guard option.scope == .query, case .now = option.availability else { return nil }
        return option.name
    }

    static func consumerOptions(_ request: HTTPRequest) throws(Problem) -> NamedOptions {
        let items = try items(request.query)
        do {
            return try NamedOptions(items.map { ($0.name, $0.value) }, from: .query)
        } catch {
            throw .option(error, accepted: queryOptions)
        }
    }
}
