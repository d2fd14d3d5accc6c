import Consumer
import HTTP

/// What a request for records asks for. Performs no I/O.
struct RecordsRequest {
    /// The options of the consumer, as they were named.
    let options: NamedOptions
    /// Whether it only watches: no group, no state.
    let isTail: Bool
    let framing: EventFraming
    /// With what a client comes back.
    let lastEvent: String?

    /// Options that one who watches has nothing of.
    private static let ofMembers = ["consumerGroup", "useAutoCheckpoints", "usePausedPolling"]

    /// The options that a query may name in this version.
    static let queryOptions: [String] = ConsumerOption.namesInQuery + ["tail"]

    init(_ request: HTTPRequest) throws(Problem) {
        let items = try Gateway.items(request.query)
        isTail = try Self.isTail(items)
        options = try Gateway.consumerOptions(items.filter { $0.name != "tail" }, accepted: Self.queryOptions)
        if isTail, let option = options.items.first(where: { Self.ofMembers.contains($0.name) }) {
            throw .conflictingOptions(option.name, with: "tail")
        }
        let accept = request.headerValues("accept")
        let types = EventFraming.allCases.map(\.contentType)
        let best = AcceptedTypes(accept).best(of: types)
        guard let framing = EventFraming.allCases.first(where: { $0.contentType == best }) else {
            throw .notAcceptable(accept.joined(separator: ", "), accepted: types)
        }
        self.framing = framing
        lastEvent = request.headerValues("last-event-id").first
    }

    private static func isTail(_ items: QueryItems) throws(Problem) -> Bool {
        let values = items.filter { $0.name == "tail" }.map(\.value)
        guard let value = values.first else { return false }
        guard values.count == 1 else { throw .option(.repeated(option: "tail"), accepted: queryOptions) }
        guard let isTail = OptionKind.truth(value) else {
            throw .option(
                .badValue(option: "tail", value: value, accepted: OptionKind.boolean.accepted), accepted: queryOptions)
        }
        return isTail
    }
}
