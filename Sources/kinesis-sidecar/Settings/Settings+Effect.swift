extension Settings {
    /// Options that say nothing with `--local`.
    static let ofAWS =
        ["endpoint", "kinesis.endpoint", "region", "useFipsEndpoint", "useDualstackEndpoint", "accountIdEndpointMode"]
        + CredentialsSettings.names(of: "credentials") + ServiceSettings.names(of: "sts")
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
        if (listen + [adminListen].compactMap(\.self)).allSatisfy({ $0.port != nil }) {
            for name in ["unixSocketMode", "unixSocketOwner"] {
                found[name] = "needs a Unix socket: --listen unix:PATH"
            }
        }
        return found
    }

    /// What `listen` needs where others than this machine can reach it: nobody on the way may read a token, and who comes
    /// must be known. Nil where nothing is missing.
    var missingOfListeners: String? {
        guard !isInsecure, let open = listen.first(where: { !$0.isLoopback }) else { return nil }
        let isKnown = !access.tokens.isEmpty || tls.clientCAFile != nil
        if tls.isOn, isKnown { return nil }
        let missing = [
            tls.isOn ? nil : "TLS (tls.certificateFile and tls.keyFile)",
            isKnown ? nil : "tokens or tls.clientCAFile",
        ]
        return "\(open) can be reached from elsewhere; it needs "
            + missing.compactMap(\.self).joined(separator: ", and ")
            + ", or insecure: true (--insecure) where something else keeps strangers out"
    }
}
