import Bytes
import Consumer
import HTTP
import HTTPServer
import Kinesis
import Logging
import Reactor
import Time

/// What the sidecar offers over HTTP: finds the route, lets it answer, and turns what goes wrong into a problem.
///
/// Confined to its loop. Knows nothing of the version of HTTP or of what carries it.
package final class Gateway: HTTPHandler, @unchecked Sendable {
    let loop: EventLoop
    let services: GatewayServices
    let options: GatewayOptions
    let logger: Logger
    private let origins: OriginPolicy
    private(set) var stage = Stage.serving
    private var refusals = RefusalLog()
    /// Requests for records that were refused.
    private(set) var refusedReaders: [ProblemCode: Int] = [:]
    private(set) var requests = RequestCounters()
    private var requestIDs = RequestIDs()
    var accessFailures = AccessFailures()
    /// Calls of gRPC that nothing else would end, also those that have said nothing yet, and what ends each when the process does.
    var endless: [ObjectIdentifier: () -> Void] = [:]
    /// What the events `stats` of the last moment say, by stream.
    var eventStats: [StreamName: (members: Task<ByteBuffer, Never>, until: EventLoop.Instant)] = [:]
    let rates: RateBook
    /// Whether a large body is being parsed, and where the next ones wait.
    var isParsing = false
    let parsing: Gate

    package init(loop: EventLoop, services: GatewayServices, options: GatewayOptions, logger: Logger) {
        self.loop = loop
        self.services = services
        self.options = options
        self.logger = logger
        parsing = Gate(loop: loop)
        rates = RateBook(loop: loop, services: services)
        origins = OriginPolicy(allowedHosts: options.allowedHosts, allowedOrigins: options.allowedOrigins)
    }

    /// Goes on to a stage; false where that was reached already.
    @discardableResult package func advance(to stage: Stage) -> Bool {
        guard self.stage < stage else { return false }
        self.stage = stage
        if stage == .ending {
            for end in endless.values { end() }
        }
        return true
    }

    package func handle(_ exchange: HTTPExchange) async { await handle(exchange, from: .main) }

    func handle(_ exchange: HTTPExchange, from entrance: Entrance) async {
        var name = RouteName.none
        let began = loop.now
        exchange.commonHeaders.add(RequestIDs.header, requestIDs.id(of: exchange.request))
        requests.began()
        if entrance == .main, GRPCHead.isCall(exchange.request) {
            let refusal = origins.check(exchange.request).map(Problem.origin)
            return ended(exchange, .grpc, await serveCall(exchange, refusal).rawValue, since: began)
        }
        defer { ended(exchange, name, exchange.answeredStatus?.rawValue ?? 0, since: began) }
        do throws(Problem) {
            if let refusal = origins.check(exchange.request) { throw .origin(refusal) }
            if let origin = origins.allowedForeignOrigin(exchange.request) {
                exchange.commonHeaders = exchange.commonHeaders + CrossOrigin.fields(for: origin)
                if CrossOrigin.isPreflight(exchange.request) { return try await permit(exchange, from: entrance) }
            }
            let route = try Route.find(exchange.request.method, path: exchange.request.path, from: entrance)
            name = RouteName(route)
            try await answer(exchange, route, try admit(exchange, route.demand, from: entrance))
        } catch {
            await refuse(exchange, error)
        }
    }

    /// The answer to a request that the server refused before it came here: `HTTPServer.onBadRequest`.
    package func refusal(of request: RefusedRequest) -> (headers: HTTPHeaders, body: ByteBuffer) {
        let document = Problem.refused(request).document
        return (document.httpHeaders + [RequestIDs.header: requestIDs.next()], document.body)
    }

    /// Counts a request whose answer has ended, and writes its line of the access log.
    private func ended(
        _ exchange: HTTPExchange, _ name: RouteName, _ status: Int, since began: EventLoop.Instant
    ) {
        requests.ended(name, status)
        // Without the query: whoever reads the log need not see what was asked for in detail.
        logger.debug(
            "a request has ended",
            metadata: [
                "method": "\(exchange.request.method.text)", "path": "\(exchange.request.path)",
                "status": .stringConvertible(status), "bytes": .stringConvertible(exchange.answeredBytes),
                "milliseconds": .stringConvertible((loop.now - began).wholeMilliseconds),
                "peer": "\(exchange.remoteAddress)",
                "requestId": "\(exchange.commonHeaders.first(RequestIDs.header) ?? "")",
            ])
    }

    private func answer(
        _ exchange: HTTPExchange, _ route: Route, _ principal: Principal
    ) async throws(Problem) {
        switch try await identified(route) {
        case .records(let stream): try await follow(exchange, stream)
        case .put(let stream): try await put(exchange, stream, principal)
        case .shards(let stream): try await listShards(exchange, stream)
        case .assignments(let stream): try await assignments(exchange, stream, principal)
        case .stats(let stream): try await stats(exchange, stream, principal)
        case .start(let stream): try await start(exchange, stream)
        case .stop(let stream): try await stop(exchange, stream)
        case .forget(let stream): try await forget(exchange, stream)
        case .checkpoints(let stream): try await storeCheckpoints(exchange, stream)
        case .storedCheckpoints(let stream): try await checkpoints(exchange, stream)
        case .seek(let stream): try await seek(exchange, stream)
        case .goOn(let stream): try await continuePolling(exchange, stream)
        case .statusPage: try await statusPage(exchange)
        case .process: try await process(exchange)
        case .metrics: try await metrics(exchange)
        case .streams: try await listConsumers(exchange, principal)
        case .stream(let stream): try await describe(exchange, stream)
        case .livez: try await livez(exchange)
        case .readyz: try await readyz(exchange, principal)
        case .openAPI(let format): try await openAPI(exchange, format)
        case .drain: try await drain(exchange)
        }
    }

    /// Consumers know a stream of the account that is asked by its name, also where its ARN was said. Puts and what is asked of
    /// the service itself work with either.
    private func identified(_ route: Route) async throws(Problem) -> Route {
        switch route {
        case .records(let stream): .records(try await identified(stream))
        case .assignments(let stream?): .assignments(try await identified(stream))
        case .stats(let stream?): .stats(try await identified(stream))
        case .start(let stream): .start(try await identified(stream))
        case .stop(let stream): .stop(try await identified(stream))
        case .forget(let stream): .forget(try await identified(stream))
        case .checkpoints(let stream): .checkpoints(try await identified(stream))
        case .storedCheckpoints(let stream): .storedCheckpoints(try await identified(stream))
        case .seek(let stream): .seek(try await identified(stream))
        case .goOn(let stream): .goOn(try await identified(stream))
        case .stream(let stream): .stream(try await identified(stream))
        case .shards(let stream): .shards(try await identified(stream))
        case .put, .assignments(nil), .stats(nil), .streams, .statusPage, .process, .metrics, .livez, .readyz,
            .openAPI, .drain:
            route
        }
    }

    func identified(_ stream: StreamName) async throws(Problem) -> StreamName {
        // Spares all who say a name the way through.
        guard stream.isARN else { return stream }
        do {
            return try await services.consumers.identify(stream)
        } catch {
            throw .consumer(error, stream: stream)
        }
    }

    private func permit(_ exchange: HTTPExchange, from entrance: Entrance) async throws(Problem) {
        let methods = try Route.methods(path: exchange.request.path, from: entrance)
        await exchange.respond(.noContent, headers: CrossOrigin.permission(methods))
    }

    private func refuse(_ exchange: HTTPExchange, _ problem: Problem) async {
        let document = problem.document
        note(document, of: exchange)
        await exchange.respond(document.code.status, headers: document.httpHeaders, body: document.body)
    }

    /// Counts and logs a refusal. Of readers every kind is logged, since most of their libraries keep from their users what the
    /// response says, and so is who may not.
    func note(_ document: ProblemDocument, of exchange: HTTPExchange, _ refusal: ReaderRefusal = .response) {
        let path = exchange.request.path
        let isReader = Route.isOfRecords(path) || path == GRPCMethod.follow.rawValue
        if isReader { refusedReaders[document.code, default: 0] += 1 }
        guard isReader || document.code.isOfAccess || document.code.status.rawValue >= 500 else { return }
        guard refusals.isWorthALine(document.kind, now: loop.now) else { return }
        logger.warning(
            "a request is refused",
            metadata: [
                "method": "\(exchange.request.method.text)", "path": "\(path)", "error": "\(document.detail)",
                "code": "\(document.code.rawValue)", "status": .stringConvertible(document.code.status.rawValue),
                "toldBy": "\(refusal.name)", "peer": "\(exchange.remoteAddress)",
                "requestId": "\(exchange.commonHeaders.first(RequestIDs.header) ?? "")",
            ])
    }
}

// MARK: - What routes share

extension Gateway {
    /// For routes without options: any is unknown.
    func refuseOptions(_ exchange: HTTPExchange) throws(Problem) {
        guard let query = exchange.request.query, let first = try Self.items(query).items.first else { return }
        throw .option(.unknown(option: first.name), accepted: [])
    }

    static func items(_ query: String?) throws(Problem) -> QueryItems {
        do {
            return try QueryItems(query)
        } catch {
            throw .malformedURL(error, part: .query)
        }
    }

    func respond(_ exchange: HTTPExchange, _ body: ByteBuffer, _ status: HTTPStatus = .ok) async {
        await exchange.respond(status, headers: Self.jsonHeaders, body: body)
    }

    private static let jsonHeaders: HTTPHeaders = ["Content-Type": "application/json", "Cache-Control": "no-store"]
}
