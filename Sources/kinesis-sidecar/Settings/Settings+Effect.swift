extension Settings {
    private static let ofAWS = ["endpoint", "kinesis.endpoint", "region"] + AccessKeys.names(of: "credentials")
    private static let ofLocal = [
        "localPort", "localListen", "localTls", "localStreams", "localMemoryLimit", "localLimits",
    ]

    /// Options that say nothing beside the others in force, and why: they are refused where somebody gives them, and left out
    /// where all are shown.
    var withoutEffect: [String: String] {
        var found: [String: String] = [:]
        for name in isLocal ? Self.ofAWS : Self.ofLocal {
            found[name] = isLocal ? "has no effect with --local; give one of the two" : "needs --local"
        }
        if isLocal, localListen != nil {
            found["localPort"] = "has no effect with localListen, which names a port; give one of the two"
        }
        if isLocal, dataDir != nil {
            found["localMemoryLimit"] = "has no effect with dataDir: records are on the disk then"
        }
        if listen.allSatisfy({ $0.port != nil }) {
            for name in ["unixSocketMode", "unixSocketOwner"] {
                found[name] = "needs a Unix socket: --listen unix:PATH"
            }
        }
        return found
    }
}
