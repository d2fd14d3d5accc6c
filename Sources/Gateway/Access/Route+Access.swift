extension Route {
    /// What whoever asks has to be allowed: the one table, which no new route can be left out of.
    package var demand: Demand {
        switch self {
        case .livez, .readyz, .openAPI, .statusPage: .nothing
        case .records(let stream), .goOn(let stream), .shards(let stream), .stream(let stream),
            .storedCheckpoints(let stream):
            .verb(.read, on: .stream(stream))
        case .stats(let stream), .assignments(let stream):
            .verb(.read, on: stream.map(Demand.Extent.stream) ?? .someStreams)
        case .streams: .verb(.read, on: .someStreams)
        case .checkpoints(let stream): .verb(.checkpoint, on: .stream(stream))
        case .put(let stream): .verb(.put, on: stream.map(Demand.Extent.stream) ?? .someStreams)
        case .start(let stream), .stop(let stream), .forget(let stream), .seek(let stream):
            .verb(.admin, on: .stream(stream))
        // Sums are of all streams.
        case .process: .verb(.read, on: .process)
        // Labels of one metric are of all streams.
        case .metrics: .verb(.admin, on: .process)
        case .drain: .verbOrOwnMachine(.admin)
        }
    }

    /// Whether `adminListen` has it: what only tells, and of all streams.
    var isForAdminListener: Bool {
        switch self {
        case .livez, .readyz, .metrics, .statusPage, .process, .stats(nil), .streams, .assignments(nil), .openAPI: true
        case .records, .goOn, .shards, .stream, .stats, .assignments, .checkpoints, .storedCheckpoints, .put, .start,
            .stop, .forget, .seek, .drain:
            false
        }
    }

    /// The paths of those, as its 404 lists them.
    static let adminPaths = [
        "/livez", "/readyz", "/metrics", "/", "/process", "/stats", "/streams", "/assignments", "/openapi.yaml",
        "/openapi.json",
    ]
}
