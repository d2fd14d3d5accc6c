import AWS
import Client
import HTTPServer
import JSON

/// Where the sidecar listens, as environment and file say it: for commands in its own container. Performs no I/O but reading
/// the files that these name.
///
/// Only what concerns listening is looked at: a mistake elsewhere is told by the start.
enum ListenerSettings {
    private static let names: Set = ["listen", "adminListen", "tls.certificateFile", "tls.clientCAFile", "portFile"]

    static func find() throws(ClientError) -> ConfiguredListeners {
        let environment = EnvironmentSettings(Configuration.variables())
        var file: ConfigFileSettings?
        if let path = environment.configFile {
            do {
                file = ConfigFileSettings(try TextFile.read(path), path: path)
            } catch {
                throw .usage("\(path) \(error.problem)")
            }
        }
        return try listeners(settings(environment, file), ports: ports)
    }

    static func settings(
        _ environment: EnvironmentSettings, _ file: ConfigFileSettings?
    ) throws(ClientError) -> Settings {
        var settings = Settings()
        for assignment in (file?.assignments ?? []) + environment.assignments where names.contains(assignment.name) {
            guard let option = ProgramOption.named(assignment.name), !assignment.values.isEmpty else { continue }
            do throws(ProgramOption.BadValue) {
                try option.apply(&settings, assignment.values)
            } catch {
                throw .usage("\(assignment.origin): \"\(error.value)\" is not accepted; accepted: \(error.accepted)")
            }
        }
        return settings
    }

    /// - Parameter ports: reads the file of `portFile`: which ports the kernel chose, by the names that it has for them.
    static func listeners(
        _ settings: Settings, ports: (String) -> JSONValue?
    ) throws(ClientError) -> ConfiguredListeners {
        let chosen = settings.portFile.flatMap(ports)
        let isSecure = settings.tls.certificateFile != nil
        // A Unix socket asks for no certificate of its client.
        let (sockets, others) = (
            settings.listen.filter { $0.port == nil }, settings.listen.filter { $0.port != nil }
        )
        let ordered = settings.tls.clientCAFile == nil ? settings.listen : sockets + others
        var listen: [SidecarAddress] = []
        for address in ordered {
            if let found = Self.address(address, isSecure: isSecure, chosen: chosen?["http"]) { listen.append(found) }
        }
        guard !listen.isEmpty else {
            throw .failed("the sidecar listens on a port that the kernel chooses; set portFile, or give --url")
        }
        return ConfiguredListeners(
            listen: listen,
            admin: settings.adminListen.flatMap { Self.address($0, isSecure: false, chosen: chosen?["admin"]) },
            certificateFile: settings.tls.certificateFile)
    }

    /// Where a listener is reached from its own host; nil where only the file of the ports would say it, and does not.
    private static func address(_ address: ListenAddress, isSecure: Bool, chosen: JSONValue?) -> SidecarAddress? {
        switch address {
        case .unix(let path): return SidecarAddress(unixSocket: path)
        case .ip(let host, let port):
            guard let port = UInt16(exactly: port == 0 ? chosen?.int ?? 0 : port), port > 0 else { return nil }
            let reached = everywhere[host] ?? host
            return SidecarAddress(endpoint: Endpoint(scheme: isSecure ? .https : .http, host: reached, port: port))
        }
    }

    /// Addresses that stand for all of a host's.
    private static let everywhere = ["0.0.0.0": "127.0.0.1", "::": "::1"]

    private static func ports(_ path: String) -> JSONValue? {
        guard let text = try? TextFile.read(path) else { return nil }
        return try? JSONParser.parse(String(decoding: text, as: UTF8.self))
    }
}
