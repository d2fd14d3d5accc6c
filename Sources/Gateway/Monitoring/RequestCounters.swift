import HTTP

/// How many requests each route has answered, by status. Performs no I/O.
///
/// Counting is an addition in an array: a put has nothing to wait for and nothing to allocate here. A route has few
/// statuses, so they are searched one by one.
struct RequestCounters {
    struct Count: Equatable {
        let route: RouteName
        let status: Int
        let count: Int
    }

    private var counts: [[(status: Int, count: Int)]] = Array(repeating: [], count: RouteName.allCases.count)
    /// Requests that have no answer yet, or whose answer has not ended.
    private(set) var inFlight = 0

    mutating func began() {
        inFlight += 1
    }

    /// - Parameter status: 0 for a connection that was closed without an answer.
    mutating func ended(_ route: RouteName, _ status: Int) {
        inFlight -= 1
        let row = route.rawValue
        if let at = counts[row].firstIndex(where: { $0.status == status }) {
            counts[row][at].count += 1
        } else {
            counts[row].append((status, 1))
        }
    }

    /// What was counted, by route and status.
    var all: [Count] {
        RouteName.allCases.flatMap { route in
            counts[route.rawValue].sorted { $0.status < $1.status }
                .map { Count(route: route, status: $0.status, count: $0.count) }
        }
    }
}

/// A route's path as metrics name it: without the stream, so that their number is bounded.
enum RouteName: Int, CaseIterable {
    case records, put, shards, assignments, stats, start, stop, forget, checkpoints, seek, goOn, streams, stream,
        statusPage, process, metrics, livez, readyz
    case openAPI, openAPIAsJSON, drain
    /// All methods of gRPC.
    case grpc
    /// Whatever has no route.
    case none

    init(_ route: Route) {
        self =
            switch route {
            case .records: .records
            case .put: .put
            case .shards: .shards
            case .assignments: .assignments
            case .stats: .stats
            case .start: .start
            case .stop: .stop
            case .forget: .forget
            case .checkpoints, .storedCheckpoints: .checkpoints
            case .seek: .seek
            case .goOn: .goOn
            case .streams: .streams
            case .stream: .stream
            case .statusPage: .statusPage
            case .process: .process
            case .metrics: .metrics
            case .livez: .livez
            case .readyz: .readyz
            case .openAPI(.yaml): .openAPI
            case .openAPI(.json): .openAPIAsJSON
            case .drain: .drain
            }
    }

    var text: String {
        switch self {
        case .records: "/streams/{streamName}/records"
        case .put: "/put"
        case .shards: "/streams/{streamName}/shards"
        case .assignments: "/assignments"
        case .stats: "/stats"
        case .start: "/streams/{streamName}/start"
        case .stop: "/streams/{streamName}/stop"
        case .forget: "/streams/{streamName}/forget"
        case .checkpoints: "/streams/{streamName}/checkpoints"
        case .seek: "/streams/{streamName}/seek"
        case .goOn: "/streams/{streamName}/continue"
        case .streams: "/streams"
        case .stream: "/streams/{streamName}"
        case .statusPage: "/"
        case .process: "/process"
        case .metrics: "/metrics"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .openAPI: "/openapi.yaml"
        case .openAPIAsJSON: "/openapi.json"
        case .drain: "/drain"
        case .grpc: "/kinesis_sidecar.v1.KinesisSidecar"
        case .none: "none"
        }
    }
}
