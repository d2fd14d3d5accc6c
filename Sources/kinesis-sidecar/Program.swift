import AWS
import Consumer
import Gateway
import Glibc
import HTTPServer
import Logging
import OTLP
import Reactor
import Telemetry
import Time

/// The running program: one event loop with everything on it, and a second one for the embedded Kinesis.
///
/// Confined to the main thread, which runs the loop.
final class Program: @unchecked Sendable {
    /// When the start's own pages are given back: the first requests have then run over what they need of it.
    private static let startSettles = Duration.seconds(2)

    /// How long the end waits for somebody to take the last lines of the log.
    private static let logPatience = Duration.milliseconds(500)
    /// Probes, Prometheus and a few people: who floods `adminListen` takes no more of the process's descriptors.
    private static let adminConnections = 100
    /// What a `credential_process` has at the end, for puts that were accepted: one that works takes a second or two, and one
    /// that hangs would hold them until `drainTimeout`.
    private static let credentialPatience = Duration.seconds(2)
    private static let signalNames = [SIGTERM: "SIGTERM", SIGINT: "SIGINT", SIGHUP: "SIGHUP"]

    private let settings: Settings
    private let log: LogWriter
    private let logger: Logger
    private let loop: EventLoop
    private let process: ProcessFacts
    private let folder: DataFolder?
    private var local: EmbeddedKinesis?
    private var services: Services?
    private var server: HTTPServer?
    /// Of `adminListen`.
    private var adminServer: HTTPServer?
    private var gateway: Gateway?
    /// Nil: telemetry is not sent.
    private var exporter: Exporter?
    private var certificate: ServerCertificate?
    private var signals: Signals?
    private var isEnding = false
    private var failure: StartError?

    /// Makes what can be made before the loop runs: loggers, the loop, the folder of the data.
    init(_ settings: Settings) throws(StartError) {
        self.settings = settings
        let log = try Self.startLog(settings.logLevel)
        self.log = log
        logger = Logger(label: "kinesis-sidecar")
        var process = ProcessFacts.current()
        process.lostLogLines = { log.lostLines }
        self.process = process
        do throws(SystemError) {
            loop = try EventLoop(name: "main")
        } catch {
            throw .failed("the event loop cannot be made: \(error)")
        }
        folder = try settings.dataDir.map { path throws(StartError) in try DataFolder(path, for: process) }
    }

    private static func startLog(_ level: Logger.Level) throws(StartError) -> LogWriter {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let log: LogWriter
        do throws(SystemError) {
            log = try LogWriter(STDERR_FILENO) { lines in
                StandardErrorLog.note(ofLost: lines, isTerminal: isTerminal, now: .now())
            }
        } catch {
            throw .failed("the log has no thread: \(error)")
        }
        LoggingSystem.bootstrap { label in
            StandardErrorLog(label: label, level: level, isTerminal: isTerminal) { log.append($0) }
        }
        return log
    }

    /// Serves until a signal ends it; returns when everything is settled.
    func run() throws(StartError) {
        loop.spawn { await self.start() }
        loop.run()
        log.flush(within: Self.logPatience)
        if let failure { throw failure }
    }

    // MARK: Starting

    private func start() async {
        do throws(StartError) {
            try watchSignals()
            if settings.isLocal { local = try await EmbeddedKinesis.start(settings, folder, logger) }
            let services = try await Services.make(
                settings, folder: folder, local: local?.address, process: process, on: loop)
            self.services = services
            let addresses = try listen(services)
            let admin = try listenForAdmins()
            try writePorts(addresses, admin)
            services.startListed(settings)
            services.consumers.measureLag()
            announce(addresses, admin)
            _ = loop.schedule(after: Self.startSettles) { StartPages.giveBack() }
        } catch {
            failure = error
            await stopServices()
            loop.stop()
        }
    }

    private func watchSignals() throws(StartError) {
        do throws(SystemError) {
            signals = try Signals(loop: loop, ProcessLimits.signals) { [unowned self] signal in
                if signal == SIGCHLD { Children.reapOrphans() } else { received(signal) }
            }
        } catch {
            throw .failed("signals cannot be watched: \(error)")
        }
        // Who has ended before the signal was heard.
        Children.reapOrphans()
    }

    private func listen(_ services: Services) throws(StartError) -> [ListenAddress] {
        var options = GatewayOptions()
        options.heartbeatInterval = settings.heartbeatInterval
        options.allowedHosts = settings.allowedHosts
        options.allowedOrigins = settings.allowedOrigins
        options.access = settings.access
        options.drainTimeout = settings.drainTimeout
        options.settlingTime = settings.settlingTime
        options.version = Help.version
        options.process = process
        let telemetry = TelemetryTarget(
            settings.otlp, environment: .process, process: process, version: Help.version)
        let exporter = makeExporter(telemetry)
        if let exporter, telemetry.exporter?.traces != nil {
            options.tracing = Tracing(sampler: telemetry.sampler, recorder: exporter)
        }
        var offered = services.offered
        offered.exports = { [weak exporter] in exporter?.counters }
        let gateway = Gateway(loop: loop, services: offered, options: options, logger: Logger(label: "gateway"))
        let server = HTTPServer(
            loop: loop, limits: settings.http, handler: gateway, logger: Logger(label: "http"))
        server.onBadRequest = { [unowned gateway] in gateway.refusal(of: $0) }
        self.gateway = gateway
        self.server = server
        certificate = try ServerCertificate(settings.tls, on: loop, logger: Logger(label: "tls")) { server.use($0) }
        var bound: [ListenAddress] = []
        for address in settings.listen {
            let isSecure = certificate != nil && address.port != nil
            bound.append(try listen(server, address, isSecure: isSecure, flag: "--listen"))
        }
        return bound
    }

    private func makeExporter(_ target: TelemetryTarget) -> Exporter? {
        let logger = Logger(label: "otlp")
        for warning in target.warnings {
            logger.warning("a variable for telemetry is passed over", metadata: ["error": "\(warning)"])
        }
        guard let settings = target.exporter else { return nil }
        var options = Transport.Options()
        options.certificateFile = target.certificateFile
        let exporter = Exporter(settings, over: Transport(loop: loop, options: options), logger: logger) {
            [weak self] requests in await self?.gateway?.writeMetrics(requests)
        }
        for endpoint in [settings.traces, settings.metrics].compactMap(\.self) {
            logger.notice("telemetry is sent", metadata: ["address": "\(endpoint)"])
        }
        exporter.start()
        self.exporter = exporter
        return exporter
    }

    private func listen(
        _ server: HTTPServer, _ address: ListenAddress, isSecure: Bool, flag: String
    ) throws(StartError) -> ListenAddress {
        do throws(SystemError) {
            return try server.listen(address, isSecure: isSecure, access: settings.socketAccess)
        } catch {
            throw .failed("cannot listen on \(address): \(error)\(StartError.hint(error, flag: flag))")
        }
    }

    /// A server of its own: whoever may reach it, and nothing else, takes none of the others' connections, and it answers
    /// until the end.
    private func listenForAdmins() throws(StartError) -> ListenAddress? {
        guard let gateway, let address = settings.adminListen else { return nil }
        var limits = settings.http
        limits.connections = min(limits.connections, Self.adminConnections)
        let server = HTTPServer(
            loop: loop, limits: limits, handler: AdminHandler(gateway), logger: Logger(label: "admin"))
        server.onBadRequest = { [unowned gateway] in gateway.refusal(of: $0) }
        adminServer = server
        return try listen(server, address, isSecure: false, flag: "--admin-listen")
    }

    /// `--port-file` gets the ports.
    private func writePorts(_ addresses: [ListenAddress], _ admin: ListenAddress?) throws(StartError) {
        guard let path = settings.portFile else { return }
        let ports = [
            ("http", addresses.lazy.compactMap(\.port).first), ("admin", admin?.port), ("kinesis", local?.address.port),
        ]
        let members = ports.compactMap { name, port in port.map { "\"\(name)\": \($0)" } }
        let text = "{\(members.joined(separator: ", "))}\n"
        do throws(TextFile.Failure) {
            try TextFile.write(text, to: path)
        } catch {
            throw .failed("--port-file \(path) \(error.problem)")
        }
    }

    /// One line on standard output says every address.
    private func announce(_ addresses: [ListenAddress], _ admin: ListenAddress?) {
        let scheme = certificate == nil ? "http" : "https"
        let urls = addresses.map { $0.port == nil ? "\($0)" : "\(scheme)://\($0)" }.joined(separator: " and ")
        let kinesis = local.map { ", embedded Kinesis on \(kinesisSchemes)://\($0.address)" } ?? ""
        let state = settings.dataDir.map { "state in \($0)" } ?? "state in memory only: it is gone when this ends"
        let probes = admin.map { ", for probes on \($0.port == nil ? "" : "http://")\($0)" } ?? ""
        print("kinesis-sidecar \(Help.version) listens on \(urls)\(probes)\(kinesis), \(state)")
        fflush(nil)
        if settings.isInsecure, let open = addresses.first(where: { !$0.isLoopback }) {
            logger.warning(
                "insecure: whoever reaches this address is served", metadata: ["address": "\(open)"])
        }
        if settings.dataDir == nil {
            logger.notice("everything is in memory; --data-dir keeps it")
        }
        if settings.sharesGroups {
            logger.notice(
                "consumer groups are shared with whoever uses the same table",
                metadata: [
                    "table": "\(settings.dynamoDB.table)",
                    "member": "\(services?.groups?.context.name.current.text ?? "")",
                ])
        } else if !settings.isLocal {
            logger.notice(
                "a consumer group is this sidecar's own: another sidecar that names the same one gets every record too")
        }
    }

    private var kinesisSchemes: String { settings.localTLS == nil ? "http" : "http and https" }

    // MARK: Ending

    private func received(_ signal: Int32) {
        let name = Self.signalNames[signal, default: "signal \(signal)"]
        guard !isEnding else {
            // A terminal that is closed sends it twice: the kernel to the group, the shell to its jobs.
            if signal == SIGHUP { return }
            logger.notice("a second signal: ending at once", metadata: ["signal": "\(name)"])
            // The shells' convention for a process that a signal ended.
            end(code: 128 + signal)
        }
        isEnding = true
        gateway?.advance(to: .leaving)
        let delay = settings.shutdownDelay
        guard delay > .zero else { return beginDraining(metadata: ["signal": "\(name)"]) }
        logger.notice(
            "not ready any more; the drain follows",
            metadata: ["signal": "\(name)", "milliseconds": .stringConvertible(delay.wholeMilliseconds)])
        _ = loop.schedule(after: delay) { [self] in beginDraining() }
    }

    private func beginDraining(metadata: Logger.Metadata = [:]) {
        let limit = Logger.MetadataValue.stringConvertible(settings.drainTimeout.wholeMilliseconds)
        logger.notice("draining", metadata: metadata.merging(["milliseconds": limit]) { $1 })
        loop.spawn { await self.drain() }
    }

    /// No new work, `end` to readers, what is in flight settled, the last checkpoints; then the loop stops.
    private func drain() async {
        let now = loop.now
        let deadline = now + settings.drainTimeout
        let settled = now + settings.settlingTime
        // Whatever hangs, the process ends: what it has not settled is delivered again.
        _ = loop.schedule(at: deadline) { [self] in
            logger.warning("not everything was settled within drainTimeout")
            end(code: 0)
        }
        _ = loop.schedule(after: Self.credentialPatience) { [self] in services?.credentialProcesses.close() }
        gateway?.advance(to: .ending)
        if let services, let server {
            // Connections are taken until the readers' clients have acknowledged what they got; anything else that comes
            // is refused meanwhile.
            async let puts: Void = services.producer.drain(deadline: settled)
            // While their shards are leased.
            await services.offered.drainProcessors(settled)
            async let readers: Void = services.consumers.shutDown(deadline: settled)
            _ = await (readers, puts)
            await server.drain(deadline: settled)
            await adminServer?.drain(deadline: settled)
        }
        await exporter?.stop()
        await stopServices()
        logger.notice("ended")
        loop.stop()
    }

    /// Ends the process at once, but for what the log has to say.
    private func end(code: Int32) -> Never {
        services?.killChildren()
        log.flush(within: Self.logPatience)
        _exit(code)
    }

    private func stopServices() async {
        await services?.close()
        await local?.stop()
    }
}
