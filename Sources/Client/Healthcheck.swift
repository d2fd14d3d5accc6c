import JSON

/// `healthcheck`: whether a sidecar answers, for a container's probe.
enum Healthcheck {
    static func run(_ values: CommandValues, _ context: ClientContext) async throws(ClientError) -> Bool {
        let limit = Duration.seconds(try values.integer("timeout", 1...600) ?? 3)
        let sidecar = try context.sidecar(values, for: .probe(within: limit))
        let path = values.has("ready") ? "/readyz" : "/livez"
        let response = try await sidecar.send(path, timeout: limit)
        if response.status == 200 { return true }
        throw .failed("\(sidecar.address)\(path) answers \(response.status)\(reasons(response.body.text))")
    }

    /// Why it is not ready, as far as it tells whoever asks.
    private static func reasons(_ body: String) -> String {
        let answer = try? JSONParser.parse(body)
        let causes = answer?["causes"]?.array?.compactMap { $0["detail"]?.string } ?? []
        let reasons = causes.isEmpty ? [answer?["detail"]?.string].compactMap(\.self) : causes
        return reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")
    }
}
