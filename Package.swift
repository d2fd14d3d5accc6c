// swift-tools-version: 6.2
import PackageDescription

/// One folder under Sources is one target with one responsibility; dependencies point downward only.
/// `Scripts/check-imports` holds every target to the list that stands here.
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "kinesis-sidecar",
    products: [.executable(name: "kinesis-sidecar", targets: ["kinesis-sidecar"])],
    dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.16.2")],
    targets: [
        .executableTarget(
            name: "kinesis-sidecar",
            dependencies: [
                "Client", "Gateway", "MultiLang", "KCL", "OTLP", "LocalKinesis", "Consumer", "Producer", "State",
                "Kinesis",
                "DynamoDB", "S3",
                "AWS", "HTTPServer", "HTTP", "Reactor", "YAML", "JSON", "Telemetry", "Time", "Bytes", "CLinux", log,
            ]
        ),
        .target(name: "KCL", dependencies: ["State", "Kinesis", "DynamoDB", "Time"]),
        .target(
            name: "MultiLang",
            dependencies: ["Consumer", "State", "Kinesis", "AWS", "Reactor", "JSON", "Time", "Bytes", log]),
        .target(name: "Client", dependencies: ["AWS", "HTTP", "Reactor", "JSON", "Time", "Bytes"]),
        .target(
            name: "Gateway",
            dependencies: [
                "MultiLang", "Consumer", "Producer", "State", "Kinesis", "S3", "AWS", "HTTPServer", "HTTP", "Gzip",
                "Reactor", "Protobuf", "YAML", "JSON", "Telemetry", "Time", "Bytes", log,
            ],
            // A link to openapi.yaml at the top: the contract is in the program, without Foundation's Bundle.
            // The descriptors are made by Scripts/descriptors.
            resources: [
                .embedInCode("openapi.yaml"), .embedInCode("GRPC/descriptors.binpb"),
                .embedInCode("StatusPage/page.html"), .embedInCode("StatusPage/page.css"),
                .embedInCode("StatusPage/text.js"), .embedInCode("StatusPage/requests.js"),
                .embedInCode("StatusPage/findings.js"), .embedInCode("StatusPage/figures.js"),
                .embedInCode("StatusPage/actions.js"), .embedInCode("StatusPage/shards.js"),
                .embedInCode("StatusPage/streams.js"), .embedInCode("StatusPage/records.js"),
                .embedInCode("StatusPage/page.js"),
            ]
        ),
        .target(
            name: "OTLP", dependencies: ["AWS", "Reactor", "Protobuf", "Telemetry", "Time", "Bytes", log]),
        .target(
            name: "LocalKinesis",
            dependencies: [
                "Kinesis", "AWS", "HTTPServer", "HTTP", "SQLite", "Reactor", "CBOR", "JSON", "Time", "Bytes", log,
            ]
        ),
        .target(
            name: "Consumer",
            dependencies: ["State", "Kinesis", "DynamoDB", "S3", "AWS", "Reactor", "Telemetry", "Time", "Bytes", log]
        ),
        .target(
            name: "Producer",
            dependencies: ["Kinesis", "S3", "AWS", "Reactor", "JSON", "Bytes", log]
        ),
        .target(
            name: "State",
            dependencies: ["Kinesis", "DynamoDB", "SQLite", "Reactor", "Telemetry", "Time", "Bytes", log]),
        .target(name: "Kinesis", dependencies: ["AWS", "Reactor", "Protobuf", "CBOR", "JSON", "Time", "Bytes"]),
        .target(name: "S3", dependencies: ["AWS", "XML", "Reactor", "Time", "Bytes", log]),
        .target(name: "DynamoDB", dependencies: ["AWS", "Reactor", "JSON", "Time", log]),
        .target(
            name: "AWS",
            dependencies: [
                "Reactor", "XML", "CBOR", "JSON", "Telemetry", "Time", "Bytes", "CCurl", "COpenSSL", "CZlib", log,
            ]),
        .target(
            name: "HTTPServer",
            dependencies: ["HTTP", "Reactor", "Time", "Bytes", "CLinux", "COpenSSL", "CNGHTTP2", log]),
        .target(name: "HTTP", dependencies: ["Bytes"]),
        .target(name: "Gzip", dependencies: ["Bytes", "CZlib"]),
        .target(name: "SQLite", dependencies: ["CSQLite"]),
        .target(name: "Reactor", dependencies: ["Bytes", "CLinux"]),
        .target(name: "CBOR", dependencies: ["JSON", "Time", "Bytes"]),
        .target(name: "Protobuf", dependencies: ["Bytes"]),
        .target(name: "XML", dependencies: ["CExpat"]),
        .target(name: "YAML", dependencies: ["CYAML"]),
        .target(name: "JSON", dependencies: ["Bytes"]),
        .target(name: "Telemetry"),
        .target(name: "Time"),
        .target(name: "Bytes"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        // What tests of several targets need: a loop to run on, a folder, repeatable chance.
        .target(name: "TestSupport", dependencies: ["Reactor", "Bytes"], path: "Tests/TestSupport"),
        // What other programs sent and stored.
        .target(
            name: "Recordings", dependencies: ["TestSupport", "DynamoDB", "JSON"], path: "Tests/Recordings",
            exclude: ["README.md", "kcl", "kpl-peers.json", "lifion", "multilang", "sdk"]),
        // A service of AWS that answers by a script.
        .target(
            name: "ScriptedService", dependencies: ["AWS", "HTTPServer", "HTTP", "Reactor", "Bytes", log],
            path: "Tests/ScriptedService"),
        // The one fake of the service: the embedded Kinesis without its wire.
        .target(
            name: "FakeService",
            dependencies: [
                "LocalKinesis", "Consumer", "Producer", "Kinesis", "AWS", "SQLite", "Reactor", "JSON", "Time", "Bytes",
                log,
            ],
            path: "Tests/FakeService"),
        .testTarget(
            name: "FakeServiceTests",
            dependencies: [
                "FakeService", "TestSupport", "LocalKinesis", "Consumer", "Producer", "Kinesis", "AWS", "HTTPServer",
                "Reactor", "JSON", "Time", "Bytes", log,
            ]),
        .testTarget(name: "BytesTests", dependencies: ["Bytes"]),
        .testTarget(name: "TimeTests", dependencies: ["Time"]),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"]),
        .testTarget(name: "OTLPTests", dependencies: ["OTLP", "Reactor", "Telemetry", "Bytes"]),
        .testTarget(name: "CBORTests", dependencies: ["CBOR", "Bytes"]),
        .testTarget(name: "ProtobufTests", dependencies: ["Protobuf", "Bytes"]),
        .testTarget(name: "XMLTests", dependencies: ["XML"]),
        .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
        .testTarget(name: "JSONTests", dependencies: ["TestSupport", "JSON", "Bytes"]),
        .testTarget(name: "ReactorTests", dependencies: ["TestSupport", "Reactor", "Bytes"]),
        .testTarget(name: "SQLiteTests", dependencies: ["TestSupport", "SQLite"]),
        .testTarget(name: "GzipTests", dependencies: ["Gzip", "JSON", "Bytes"]),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Bytes"]),
        .testTarget(
            name: "HTTPServerTests", dependencies: ["HTTPServer", "HTTP", "Reactor", "Bytes", "CLinux", log]),
        .testTarget(
            name: "AWSTests",
            dependencies: [
                "TestSupport", "AWS", "Reactor", "JSON", "Time", "Bytes", "COpenSSL", log,
            ]),
        .testTarget(
            name: "DynamoDBTests",
            dependencies: [
                "ScriptedService", "Recordings", "DynamoDB", "AWS", "HTTP", "Reactor", "JSON", "Time", log,
            ]),
        .testTarget(
            name: "S3Tests",
            dependencies: ["ScriptedService", "TestSupport", "S3", "AWS", "HTTP", "Reactor", "XML", "Bytes", log]),
        .testTarget(
            name: "KinesisTests",
            dependencies: [
                "ScriptedService", "TestSupport", "Kinesis", "AWS", "Reactor", "Protobuf", "CBOR", "JSON", "Time",
                "Bytes",
            ]),
        .testTarget(
            name: "StateTests",
            dependencies: [
                "Recordings", "TestSupport", "State", "Kinesis", "DynamoDB", "SQLite", "Reactor", "Time", log,
            ]),
        .testTarget(
            name: "ConsumerTests",
            dependencies: [
                "FakeService", "ScriptedService", "TestSupport", "Recordings", "Consumer", "State", "Kinesis",
                "DynamoDB", "S3", "AWS", "Reactor", "JSON", "Time", "Bytes", log,
            ]),
        .testTarget(
            name: "ProducerTests",
            dependencies: [
                "FakeService", "TestSupport", "Producer", "Kinesis", "S3", "AWS", "Reactor", "JSON", "Bytes", log,
            ]),
        .testTarget(
            name: "LocalKinesisTests",
            dependencies: [
                "TestSupport",
                "LocalKinesis", "Kinesis", "SQLite", "Reactor", "CBOR", "JSON", "Time", "Bytes",
                log,
            ]),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "FakeService", "Gateway", "Consumer", "Producer", "State", "Kinesis", "AWS", "HTTPServer", "HTTP",
                "Reactor", "Protobuf", "YAML", "JSON", "Telemetry", "Time", "Bytes", log,
            ]),
        .testTarget(
            name: "KCLTests",
            dependencies: ["TestSupport", "KCL", "State", "Kinesis", "DynamoDB", "JSON", "Time"]),
        .testTarget(
            name: "MultiLangTests",
            dependencies: [
                "TestSupport", "MultiLang", "Consumer", "Kinesis", "JSON", "Time", "Bytes",
            ]),
        .testTarget(name: "ClientTests", dependencies: ["Client", "AWS", "JSON", "Time", "Bytes"]),
        .testTarget(
            name: "ProgramTests",
            dependencies: [
                "kinesis-sidecar", "Client", "MultiLang", "Consumer", "Kinesis", "AWS", "JSON", "Time", log,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

/// An async function that names no isolation runs where its caller does (SE-0461): on the caller's loop, without a hop.
let swiftSettings: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

// The programs of `make bench` and `make fuzz` need `package` declarations, so they are targets of this package; they
// stand behind a variable of the environment, so that nobody else builds them.
if Context.environment["BENCH"] != nil {
    package.targets += [
        .executableTarget(
            name: "bench-server", dependencies: ["HTTPServer", "HTTP", "Reactor", "Bytes", log],
            path: "Benchmarks/bench-server"),
        .executableTarget(
            name: "HotPath", dependencies: ["Kinesis", "AWS", "Protobuf", "CBOR", "Bytes"], path: "Benchmarks/HotPath"),
    ]
}

/// A folder Fuzz/Fuzz… is one program, which `make fuzz` runs for a while. The modules are built with the same flags:
/// libFuzzer finds its way by the branches that it sees taken in them.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + ["FuzzDriver"], path: "Fuzz/\(name)",
        swiftSettings: [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"])],
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
}
if Context.environment["FUZZ"] != nil {
    for target in package.targets where target.type == .regular {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-sanitize=fuzzer,address"])]
    }
    package.targets += [
        .target(name: "FuzzDriver", path: "Fuzz/Driver"),
        fuzzer("FuzzRequestHead", ["HTTP", "Bytes"]),
        fuzzer("FuzzHTTP2", ["HTTP", "Bytes"]),
        fuzzer("FuzzHTTP2Session", ["HTTPServer", "HTTP", "Reactor", "Bytes", log]),
        fuzzer("FuzzChunkedBody", ["HTTP", "Bytes"]),
        fuzzer("FuzzURLText", ["HTTP"]),
        fuzzer("FuzzTraceContext", ["Telemetry"]),
        fuzzer("FuzzGzip", ["Gzip", "Bytes"]),
        fuzzer("FuzzConfigFile", ["AWS"]),
        fuzzer("FuzzCredentials", ["AWS", "Bytes"]),
        fuzzer("FuzzAuthorization", ["AWS", "Time"]),
        fuzzer("FuzzJSON", ["JSON", "Bytes"]),
        fuzzer("FuzzCBOR", ["CBOR", "Bytes"]),
        fuzzer("FuzzEventStream", ["AWS", "Bytes"]),
        fuzzer("FuzzXML", ["XML"]),
        fuzzer("FuzzYAML", ["YAML"]),
        fuzzer("FuzzProperties", ["MultiLang"]),
        fuzzer("FuzzProcessorMessage", ["MultiLang", "Kinesis"]),
        fuzzer("FuzzProtobuf", ["Protobuf", "Bytes"]),
        fuzzer("FuzzAggregatedRecords", ["Kinesis", "AWS", "Bytes"]),
        fuzzer("FuzzGetRecords", ["Kinesis", "JSON", "Bytes"]),
        fuzzer("FuzzCBORRecords", ["Kinesis", "CBOR", "JSON", "Bytes"]),
        fuzzer("FuzzLZUTF8", ["Kinesis", "Bytes"]),
        fuzzer("FuzzPutBody", ["Gateway", "Kinesis", "JSON", "Bytes"]),
        fuzzer("FuzzCheckpointBody", ["Gateway", "Consumer", "State", "JSON", "Bytes"]),
        fuzzer("FuzzTailEvent", ["Client", "JSON", "Bytes"]),
        fuzzer("FuzzPutLines", ["Gateway", "Producer", "HTTP", "Kinesis", "JSON", "Bytes"]),
    ]
}

/// Targets whose unsafe code, if any, is marked: the compiler holds them to it.
let safeTargets: Set = ["Gateway", "Consumer", "State", "KCL", "DynamoDB", "CBOR", "Time"]

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
    if safeTargets.contains(target.name) {
        target.swiftSettings! += [.strictMemorySafety(), .treatAllWarnings(as: .error)]
    }
}
