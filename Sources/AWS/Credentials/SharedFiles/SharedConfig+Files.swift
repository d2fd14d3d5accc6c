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
        return expanded(named, environment)
    }

    /// A path with the home folder in the place of a `~` at its front.
    static func expanded(_ path: String, _ environment: Environment) -> String {
        guard path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
        return home + path.dropFirst()
    }

    private static func read(_ path: String?) throws(ConfigFileError) -> ConfigFile? {
        guard let path else { return nil }
        let content: ByteBuffer
        do throws(SmallFile.Failure) {
            content = try SmallFile.read(path, limit: ConfigFile.sizeLimit)
        } catch {
            switch error {
            case .code(ENOENT), .code(ENOTDIR): return nil
            case .code(let code): throw .unreadable(file: path, code: code)
            case .tooLarge(let limit): throw .tooLarge(file: path, limit: limit)
            }
        }
        return try withExtendedLifetime(content) { () throws(ConfigFileError) in
            try ConfigFile(content.bytes, name: path)
        }
    }
}
