import Glibc
import HTTPServer
import Logging
import Reactor

/// The server's certificate and key: read at the start, and again when their files change, as those do that are renewed.
/// Confined to its loop.
final class ServerCertificate: @unchecked Sendable {
    /// From one look at the files to the next. They are read through links, by which Kubernetes puts new ones in place.
    private static let lookInterval = Duration.seconds(10)

    private let settings: TLSSettings
    private let loop: EventLoop
    private let logger: Logger
    private let onChange: (TLSContext) -> Void
    /// What was read last, also where it is no pair.
    private var material: TLSContext.Material?
    private var problem: String?

    /// nil: there is no TLS. `onChange` gets the first pair at once, and every later one.
    init?(
        _ settings: TLSSettings, on loop: EventLoop, logger: Logger, onChange: @escaping (TLSContext) -> Void
    ) throws(StartError) {
        guard settings.isOn else { return nil }
        self.settings = settings
        self.loop = loop
        self.logger = logger
        self.onChange = onChange
        let first = try Self.first(settings)
        onChange(first.context)
        material = first.material
        warnOfOpenKey()
        lookLater()
    }

    /// Looks at the files as the start does, and throws what it would say of them; without TLS there are none.
    static func check(_ settings: TLSSettings) throws(StartError) {
        if settings.isOn { _ = try first(settings) }
    }

    private static func first(
        _ settings: TLSSettings
    ) throws(StartError) -> (material: TLSContext.Material, context: TLSContext) {
        do throws(Unusable) {
            let material = try read(settings)
            return (material, try context(material, settings))
        } catch {
            throw .failed(error.text)
        }
    }

    private struct Unusable: Error {
        let text: String
    }

    private func lookLater() {
        _ = loop.schedule(after: Self.lookInterval) { [weak self] in
            guard let self else { return }
            look()
            lookLater()
        }
    }

    private func look() {
        do throws(Unusable) {
            let now = try Self.read(settings)
            problem = nil
            guard now != material else { return }
            material = now
            onChange(try Self.context(now, settings))
            logger.notice("new certificate and key are in use for new connections")
        } catch {
            // Files that are replaced one after the other are no pair for a moment.
            guard error.text != problem else { return }
            problem = error.text
            logger.warning("the certificate in use stays", metadata: ["error": "\(error.text)"])
        }
    }

    private static func read(_ settings: TLSSettings) throws(Unusable) -> TLSContext.Material {
        TLSContext.Material(
            certificates: try read("tls.certificateFile", settings.certificateFile ?? ""),
            key: try read("tls.keyFile", settings.keyFile ?? ""),
            clientCA: try settings.clientCAFile.map { path throws(Unusable) in try read("tls.clientCAFile", path) })
    }

    private static func read(_ option: String, _ path: String) throws(Unusable) -> String {
        do throws(TextFile.Failure) {
            return String(decoding: try TextFile.read(path), as: UTF8.self)
        } catch {
            throw Unusable(text: "\(option) \(path) \(error.problem)")
        }
    }

    private static func context(_ material: TLSContext.Material, _ settings: TLSSettings) throws(Unusable) -> TLSContext
    {
        do throws(TLSError) {
            return try TLSContext(material)
        } catch {
            let option =
                switch error {
                case .certificate: "tls.certificateFile \(settings.certificateFile ?? "")"
                case .key, .mismatch: "tls.keyFile \(settings.keyFile ?? "")"
                case .clientCA: "tls.clientCAFile \(settings.clientCAFile ?? "")"
                }
            throw Unusable(text: "\(option): \(error)")
        }
    }

    /// Kubernetes mounts secrets so, and they are the pod's alone.
    private func warnOfOpenKey() {
        var status = stat()
        guard let path = settings.keyFile, stat(path, &status) == 0, status.st_mode & 0o004 != 0 else { return }
        logger.warning("everybody on this host may read the private key", metadata: ["file": "\(path)"])
    }
}
