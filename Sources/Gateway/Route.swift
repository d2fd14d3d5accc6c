import HTTP
import Kinesis

/// What a request is for. Found from method and path alone; performs no I/O.
package enum Route: Equatable, Sendable {
    case records(StreamName)
    /// Without a stream the body names it.
    case put(StreamName?)
    case shards(StreamName)
    /// Without a stream: of all.
    case assignments(StreamName?)
    /// Without a stream: of the process.
    case stats(StreamName?)
    case start(StreamName)
    case stop(StreamName)
    case forget(StreamName)
    /// What somebody has processed.
    case checkpoints(StreamName)
    /// Where the group stands.
    case storedCheckpoints(StreamName)
    case seek(StreamName)
    case goOn(StreamName)
    case streams
    case stream(StreamName)
    case statusPage
    /// What this process is, and its last hour.
    case process
    case metrics
    case livez
    case readyz
    case openAPI(ContractFormat)
    /// This sidecar stops reading, and goes on with the rest.
    case drain

    /// The methods that the route has. HEAD is GET without a body.
    package var methods: [HTTPMethod] {
        switch self {
        case .put, .start, .stop, .forget, .goOn, .seek, .drain: [.post]
        case .checkpoints, .storedCheckpoints: [.get, .head, .post]
        case .records, .shards, .assignments, .stats, .streams, .stream, .statusPage, .process, .metrics, .livez,
            .readyz, .openAPI:
            [.get, .head]
        }
    }

    package static func find(
        _ method: HTTPMethod, path: String, from entrance: Entrance = .main
    ) throws(Problem) -> Route {
        let route = try at(path, entrance)
        guard route.methods.contains(method) else { throw .methodNotAllowed(method, allowed: route.methods) }
        // One path, and another right for those who only ask.
        if case .checkpoints(let stream) = route, method != .post { return .storedCheckpoints(stream) }
        return route
    }

    /// The methods of whatever is at the path.
    static func methods(path: String, from entrance: Entrance) throws(Problem) -> [HTTPMethod] {
        try at(path, entrance).methods
    }

    /// Whether the path is that of a stream's records, whatever the stream's name.
    static func isOfRecords(_ path: String) -> Bool { path.hasPrefix("/streams/") && path.hasSuffix("/records") }

    private static func at(_ path: String, _ entrance: Entrance) throws(Problem) -> Route {
        let route = try at(path)
        guard entrance == .main || route.isForAdminListener else {
            throw .notForAdminListener(path: path, served: adminPaths)
        }
        return route
    }

    private static func at(_ path: String) throws(Problem) -> Route {
        let segments: PathSegments
        do {
            segments = try PathSegments(path)
        } catch {
            throw .malformedURL(error, part: .path)
        }
        guard let route = try named(segments.segments) else { throw .unknownRoute(path: path) }
        return route
    }

    private static func named(_ segments: [String]) throws(Problem) -> Route? {
        switch (segments.count, segments.first) {
        case (0, _): return .statusPage
        case (1, "metrics"): return .metrics
        case (1, "process"): return .process
        case (1, "assignments"): return .assignments(nil)
        case (1, "stats"): return .stats(nil)
        case (1, "put"): return .put(nil)
        case (1, "streams"): return .streams
        case (1, "livez"): return .livez
        case (1, "readyz"): return .readyz
        case (1, "openapi.yaml"): return .openAPI(.yaml)
        case (1, "openapi.json"): return .openAPI(.json)
        case (1, "drain"): return .drain
        case (2, "streams"): return .stream(try stream(segments[1]))
        case (3, "streams"): return try ofStream(segments[1], segments[2])
        default: return nil
        }
    }

    private static func ofStream(_ name: String, _ verb: String) throws(Problem) -> Route? {
        switch verb {
        case "records": return .records(try stream(name))
        case "put": return .put(try stream(name))
        case "shards": return .shards(try stream(name))
        case "assignments": return .assignments(try stream(name))
        case "stats": return .stats(try stream(name))
        case "start": return .start(try stream(name))
        case "stop": return .stop(try stream(name))
        case "forget": return .forget(try stream(name))
        case "checkpoints": return .checkpoints(try stream(name))
        case "seek": return .seek(try stream(name))
        case "continue": return .goOn(try stream(name))
        default: return nil
        }
    }

    private static func stream(_ name: String) throws(Problem) -> StreamName {
        guard let stream = StreamName(nameOrARN: name) else { throw .badStreamName(name) }
        return stream
    }
}
