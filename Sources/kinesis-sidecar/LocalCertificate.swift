import Glibc
import HTTPServer

/// The certificate of the embedded Kinesis (`localTls`): kept in the folder of the data, else a new one at each start.
enum LocalCertificate {
    /// nil: it speaks no TLS. The file that the option names has the authority's certificate then, for clients to trust.
    static func context(_ settings: Settings, _ folder: DataFolder?) throws(StartError) -> TLSContext? {
        guard let path = settings.localTLS else { return nil }
        let names = names(settings)
        let certificate: SelfMadeCertificate
        if let kept = kept(names, folder) { certificate = kept } else { certificate = try make(names, folder) }
        // It is public, and read by whoever trusts it.
        try write(certificate.authority, to: path, mode: 0o644, option: "--local-tls \(path)")
        do throws(TLSError) {
            return try TLSContext(certificate.material, allowsPlain: true)
        } catch {
            throw .failed("\(folder?.localTLS ?? path): \(error); remove it, and another is made")
        }
    }

    /// By which clients may call it: what stands in `allowedHosts` too.
    private static func names(_ settings: Settings) -> [String] {
        var names = ["localhost", "127.0.0.1", "::1"]
        let own = settings.kinesisAddress.own.map { [$0.host] } ?? []
        for name in own + settings.allowedHosts where !names.contains(name) { names.append(name) }
        return names
    }

    private static func kept(_ names: [String], _ folder: DataFolder?) -> SelfMadeCertificate? {
        guard let path = folder?.localTLS, let text = try? TextFile.read(path) else { return nil }
        return SelfMadeCertificate(kept: String(decoding: text, as: UTF8.self), names: names)
    }

    private static func make(_ names: [String], _ folder: DataFolder?) throws(StartError) -> SelfMadeCertificate {
        let made = SelfMadeCertificate(names: names)
        if let folder { try write(made.pem, to: folder.localTLS, option: "--data-dir: \(folder.localTLS)") }
        return made
    }

    private static func write(
        _ text: String, to path: String, mode: mode_t = 0o600, option: String
    ) throws(StartError) {
        do throws(TextFile.Failure) {
            try TextFile.write(text, to: path, mode: mode)
        } catch {
            throw .failed("\(option) \(error.problem)")
        }
    }
}
