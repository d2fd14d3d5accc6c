/// Why the program does not start.
enum StartError: Error, Hashable, Sendable {
    /// A setting that only the look at AWS's own files or variables shows to be wrong: exit 64.
    case settings(Mistake)
    /// Exit 1, and what failed.
    case failed(String)
}
