/// The methods of gRPC by their paths. `Gateway.answer(_:)` says what answers each.
enum GRPCMethod: String, CaseIterable {
    case follow = "/kinesis_sidecar.v1.KinesisSidecar/Follow"
    case put = "/kinesis_sidecar.v1.KinesisSidecar/Put"
    case putRecords = "/kinesis_sidecar.v1.KinesisSidecar/PutRecords"
    case putStream = "/kinesis_sidecar.v1.KinesisSidecar/PutStream"
    case checkpoint = "/kinesis_sidecar.v1.KinesisSidecar/Checkpoint"
    case getCheckpoints = "/kinesis_sidecar.v1.KinesisSidecar/GetCheckpoints"
    case seek = "/kinesis_sidecar.v1.KinesisSidecar/Seek"
    case goOn = "/kinesis_sidecar.v1.KinesisSidecar/Continue"
    case listShards = "/kinesis_sidecar.v1.KinesisSidecar/ListShards"
    case getAssignments = "/kinesis_sidecar.v1.KinesisSidecar/GetAssignments"
    case getStats = "/kinesis_sidecar.v1.KinesisSidecar/GetStats"
    case start = "/kinesis_sidecar.v1.KinesisSidecar/Start"
    case stop = "/kinesis_sidecar.v1.KinesisSidecar/Stop"
    // The standard services (github.com/grpc/grpc-proto, grpc/health/v1 and grpc/reflection).
    case checkHealth = "/grpc.health.v1.Health/Check"
    case listHealth = "/grpc.health.v1.Health/List"
    case watchHealth = "/grpc.health.v1.Health/Watch"
    case reflect = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    case reflectAlpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

    /// What a call needs to be allowed, as the routes of HTTP do. The stream is looked at once a request names it.
    var demand: Demand {
        switch self {
        case .follow, .goOn, .getCheckpoints, .listShards, .getAssignments, .getStats: .verb(.read, on: .someStreams)
        case .put, .putRecords, .putStream: .verb(.put, on: .someStreams)
        case .checkpoint: .verb(.checkpoint, on: .someStreams)
        case .seek, .start, .stop: .verb(.admin, on: .someStreams)
        case .checkHealth, .listHealth, .watchHealth, .reflect, .reflectAlpha: .nothing
        }
    }

    /// Bytes of one request; nil: as many as a body may have, since it has records.
    var mostRequestBytes: Int? {
        switch self {
        case .put, .putRecords, .putStream: nil
        case .follow, .checkpoint, .getCheckpoints, .seek, .goOn, .listShards, .getAssignments, .getStats, .start,
            .stop, .checkHealth,
            .listHealth, .watchHealth, .reflect, .reflectAlpha:
            16 * 1024
        }
    }

    private static let byPath = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    /// One look-up, where `rawValue` compares the path with each.
    static func at(_ path: String) -> GRPCMethod? { byPath[path] }
}
