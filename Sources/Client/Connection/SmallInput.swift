import Bytes
import Glibc

/// Small files that a command needs whole.
enum SmallInput {
    /// A certificate with those between it and its authority is a few KiB.
    private static let largest = 1 << 20

    static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// errno's text.
    static var lastError: String { String(cString: strerror(errno)) }

    /// The first certificate of a PEM file: the server's own, where others follow. nil: there is none, with errno.
    static func firstCertificate(of path: String) -> ByteBuffer? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: largest)
        let count = fread(&bytes, 1, bytes.count, file)
        return firstCertificate(in: String(decoding: bytes[..<count], as: UTF8.self)).map { ByteBuffer($0) }
    }

    static func firstCertificate(in text: String) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN CERTIFICATE-----") }),
            let end = lines[start...].firstIndex(where: { $0.hasPrefix("-----END CERTIFICATE-----") })
        else { return nil }
        return lines[start...end].joined(separator: "\n") + "\n"
    }
}
