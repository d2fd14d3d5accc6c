import Glibc
import Reactor

/// Why the program does not start.
enum StartError: Error, Hashable, Sendable {
    /// A setting that only the look at AWS's own files or variables shows to be wrong: exit 64.
    case settings(Mistake)
    /// Exit 1, and what failed.
    case failed(String)
}

extension StartError {
    /// What to do about an address that cannot be had; empty where nothing is known.
    static func hint(_ error: any Error, flag: String) -> String {
        switch (error as? SystemError)?.code {
        case EADDRINUSE: "; another sidecar may be running; \(flag) names another address, port 0 picks one"
        case ENOTSOCK: "; the file there is no socket, and is left alone; \(flag) names another path"
        default: ""
        }
    }
}
