import AWS
import Gateway
import OTLP
import Telemetry

/// Where telemetry goes, of what, and which traces: what the configuration says, else OpenTelemetry's variables. Performs no
/// I/O but for looking at the environment.
///
/// Source: OpenTelemetry, "SDK configuration" and "OTLP exporter configuration". What a variable says and cannot be used is
/// passed over with a warning: the environment of a pod is often there for programs of other kinds too.
struct TelemetryTarget {
    /// nil: nothing is sent.
    private(set) var exporter: Exporter.Settings?
    private(set) var sampler = Sampler()
    /// PEM; nil: what AWS is trusted by.
    private(set) var certificateFile: String?
    /// What of the environment is passed over.
    private(set) var warnings: [String] = []
    private let environment: Environment

    init(_ settings: OTLPSettings, environment: Environment, process: ProcessFacts, version: String) {
        self.environment = environment
        guard let (traces, metrics) = endpoints(settings.endpoint) else { return }
        guard traces != nil || metrics != nil else { return }
        var exporter = Exporter.Settings()
        exporter.traces = traces
        exporter.metrics = metrics
        exporter.headers = headers(settings)
        exporter.interval =
            settings.interval ?? milliseconds("OTEL_METRIC_EXPORT_INTERVAL", least: 100) ?? exporter.interval
        exporter.timeout = milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", least: 1) ?? exporter.timeout
        exporter.resource = resource(settings.serviceName, process, version)
        exporter.version = version
        exporter.startedOn = process.startedOn
        self.exporter = exporter
        certificateFile = environment["OTEL_EXPORTER_OTLP_CERTIFICATE"]
        sampler = chosenSampler()
    }

    // MARK: Where

    /// nil: nowhere.
    private mutating func endpoints(_ configured: String?) -> (traces: Endpoint?, metrics: Endpoint?)? {
        if let configured {
            // The reader of the settings has looked at it.
            guard let base = try? Endpoint(configured) else { return nil }
            return (base.appending("v1/traces"), base.appending("v1/metrics"))
        }
        if environment["OTEL_SDK_DISABLED"]?.lowercased() == "true" { return nil }
        let base = endpoint("OTEL_EXPORTER_OTLP_ENDPOINT")
        return (
            signal("TRACES", base?.appending("v1/traces")), signal("METRICS", base?.appending("v1/metrics"))
        )
    }

    /// - Parameter usual: where it goes unless a variable says another place for it.
    private mutating func signal(_ name: String, _ usual: Endpoint?) -> Endpoint? {
        if let exporters = environment["OTEL_\(name)_EXPORTER"], !exporters.split(separator: ",").contains("otlp") {
            return nil
        }
        guard let endpoint = endpoint("OTEL_EXPORTER_OTLP_\(name)_ENDPOINT") ?? usual else { return nil }
        for variable in ["OTEL_EXPORTER_OTLP_\(name)_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            guard let wanted = environment[variable] else { continue }
            if wanted == "http/protobuf" { break }
            warnings.append(
                "\(variable) is \(wanted); only http/protobuf is spoken, so nothing is sent: give otlp.endpoint")
            return nil
        }
        return endpoint
    }

    private mutating func endpoint(_ variable: String) -> Endpoint? {
        guard let text = environment[variable] else { return nil }
        do throws(EndpointError) { return try Endpoint(text) } catch { warnings.append("\(variable): \(error)") }
        return nil
    }

    // MARK: What

    private mutating func headers(_ settings: OTLPSettings) -> [(name: String, value: String)] {
        var headers = settings.headers
        let variable = "OTEL_EXPORTER_OTLP_HEADERS"
        if headers.isEmpty, let text = environment[variable] {
            let pairs = KeyValueList.read(text)?.compactMap { OTLPSettings.Header(name: $0.name, value: $0.value) }
            // The text may have a secret.
            if pairs == nil { warnings.append("\(variable) is not NAME=VALUE,NAME=VALUE") }
            headers = pairs ?? []
        }
        return headers.map { ($0.name, $0.value.exposed) }
    }

    private mutating func milliseconds(_ variable: String, least: Int) -> Duration? {
        guard let text = environment[variable] else { return nil }
        guard let number = Int(text), (least...86_400_000).contains(number) else {
            warnings.append("\(variable) is \(text); accepted: \(least) to 86400000 milliseconds")
            return nil
        }
        return .milliseconds(number)
    }

    private mutating func resource(
        _ serviceName: String?, _ process: ProcessFacts, _ version: String
    ) -> ResourceAttributes {
        var resource = ResourceAttributes()
        resource.set("service.name", "kinesis-sidecar")
        resource.set("service.version", version)
        resource.set("service.instance.id", "\(process.host):\(process.pid)")
        resource.set("host.name", process.host)
        let variable = "OTEL_RESOURCE_ATTRIBUTES"
        if let text = environment[variable] {
            let pairs = KeyValueList.read(text)
            if pairs == nil { warnings.append("\(variable) is not NAME=VALUE,NAME=VALUE") }
            for (name, value) in pairs ?? [] { resource.set(name, value) }
        }
        if let name = serviceName ?? environment["OTEL_SERVICE_NAME"] { resource.set("service.name", name) }
        return resource
    }

    private mutating func chosenSampler() -> Sampler {
        guard let name = environment["OTEL_TRACES_SAMPLER"] else { return Sampler() }
        if let sampler = Sampler(name: name, argument: environment["OTEL_TRACES_SAMPLER_ARG"]) { return sampler }
        warnings.append(
            "OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG cannot be used; accepted: "
                + Sampler.names.joined(separator: ", ") + ", and for a ratio 0 to 1")
        return Sampler()
    }
}

extension Endpoint {
    fileprivate func appending(_ rest: String) -> Endpoint {
        Endpoint(scheme: scheme, host: host, port: port, path: path.hasSuffix("/") ? path + rest : "\(path)/\(rest)")
    }
}
