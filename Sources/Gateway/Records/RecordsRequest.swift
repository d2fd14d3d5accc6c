import Consumer
import HTTP

/// What a request for records asks for. Performs no I/O.
struct RecordsRequest {
    /// The options of the consumer, as they were named.
    let options: NamedOptions
    /// Whether it only watches: no group, no state.
    let isTail: Bool
    let framing: EventFraming
    /// Whether Accept names the type of server-sent events: what a library for them sends, and curl does not.
    private let namesServerSentEvents: Bool
    /// With what a client comes back.
    let lastEvent: String?
    /// nil: as the configuration says.
    let heartbeatInterval: Duration?

    /// Options that one who watches has nothing of.
    private static let ofMembers = [
        "consumerGroup", "useAutoCheckpoints", "usePausedPolling", "useAutoShardAssignment",
    ]
    /// Options of the connection: no other reader of the consumer is concerned.
    private static let ofConnection = ["tail", "heartbeatInterval", "lastEventId"]
    /// As polyfills of EventSource name it that put it into the URL.
    private static let lastEventNames = ["lastEventId", "Last-Event-ID"]

    /// The options that a query may name in this version.
    static let queryOptions: [String] = ConsumerOption.namesInQuery + ofConnection

    init(_ request: HTTPRequest) throws(Problem) {
        let items = try Gateway.items(request.query)
        let isOfConnection = { (item: QueryItems.Item) in
            Self.ofConnection.contains(item.name) || Self.lastEventNames.contains(item.name)
        }
        isTail = try Self.value("tail", .boolean, in: items)?.boolean ?? false
        heartbeatInterval = try Self.value("heartbeatInterval", GatewayOptions.heartbeatIntervals, in: items)?.duration
        options = try Gateway.consumerOptions(items.filter { !isOfConnection($0) }, accepted: Self.queryOptions)
        if isTail { try Self.checkTail(options) }
        let accept = request.headerValues("accept")
        let types = AcceptedTypes(accept)
        let best = types.best(of: EventFraming.allCases.flatMap(\.mediaTypes))
        guard let best, let framing = EventFraming.allCases.first(where: { $0.mediaTypes.contains(best) }) else {
            let usual = EventFraming.allCases.map { $0.mediaTypes[0] }
            throw .notAcceptable(accept.joined(separator: ", "), accepted: usual)
        }
        self.framing = framing
        namesServerSentEvents = types.names(ServerSentEvents.mediaType)
        lastEvent = try Self.lastEvent(request, items)
    }

    static func checkTail(_ options: NamedOptions) throws(Problem) {
        guard let option = options.items.first(where: { ofMembers.contains($0.name) }) else { return }
        throw .conflictingOptions(option.name, with: "tail")
    }

    /// Whether it is a library for server-sent events that asks: it connects again by itself, and gives up on errors and on
    /// silence. curl takes everything, and shows a person what it gets.
    var isOfLibrary: Bool { framing == .serverSentEvents && (lastEvent != nil || namesServerSentEvents) }

    /// The header goes before the query. An empty id is none: an EventSource that has lost its id sends one.
    private static func lastEvent(_ request: HTTPRequest, _ items: QueryItems) throws(Problem) -> String? {
        var candidates = request.headerValues("last-event-id")
        for name in lastEventNames {
            if let text = try text(name, in: items) { candidates.append(text) }
        }
        return candidates.first { !$0.isEmpty }
    }

    private static func value(
        _ option: String, _ kind: OptionKind, in items: QueryItems
    ) throws(Problem) -> OptionValue? {
        guard let text = try text(option, in: items) else { return nil }
        guard let value = kind.read(text) else {
            throw .option(.badValue(option: option, value: text, accepted: kind.accepted), accepted: queryOptions)
        }
        return value
    }

    private static func text(_ option: String, in items: QueryItems) throws(Problem) -> String? {
        let values = items.filter { $0.name == option }.map(\.value)
        guard values.count < 2 else { throw .option(.repeated(option: option), accepted: queryOptions) }
        return values.first
    }
}
