import Bytes
import Glibc

extension SharedConfig {
    /// Reads `AWS_CONFIG_FILE` (else `~/.aws/config`) and `AWS_SHARED_CREDENTIALS_FILE` (else `~/.aws/credentials`).
    ///
    /// A file that is not there counts as empty, as with every SDK; one that is there and cannot be read is an error.
    package static func load(environment: Environment) throws(ConfigFileError) -> SharedConfig {
        let home = environment["HOME"]
        let paths = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")].map {
            path(variable: $0, file: $1, home: home, environment: environment)
        }
        return SharedConfig(
            config: try read(paths[0]), credentials: try read(paths[1]), files: paths.compactMap { $0 })
    }

    private static func path(variable: String, file: String, home: String?, environment: Environment) -> String? {
        guard let named = environment[variable] else { return home.map { $0 + "/.aws/" + file } }
        guard named.hasPrefix("~/"), let home else { return named }
        return home + named.dropFirst()
    }

    private static func read(_ path: String?) throws(ConfigFileError) -> ConfigFile? {
        guard let path, let bytes = try contents(path) else { return nil }
        return try withExtendedLifetime(bytes) { () throws(ConfigFileError) in
            try ConfigFile(bytes.bytes, name: path)
        }
    }

    /// The file's bytes, nil when there is none.
    private static func contents(_ path: String) throws(ConfigFileError) -> ByteBuffer? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else {
            guard errno == ENOENT || errno == ENOTDIR else { throw .unreadable(file: path, code: errno) }
            return nil
        }
        defer { close(fd) }
        let buffer = ByteBuffer()
        while true {
            buffer.reserve(16 * 1024)
            let count = Glibc.read(fd, buffer.base + buffer.count, 16 * 1024)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(file: path, code: errno) }
            if count == 0 { return buffer }
            buffer.setCount(buffer.count + count)
            guard buffer.count <= ConfigFile.sizeLimit else {
                throw .tooLarge(file: path, limit: ConfigFile.sizeLimit)
            }
        }
    }
}
