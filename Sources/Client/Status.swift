import AWS
import Bytes
import JSON

/// `status`: what a sidecar reads, how far it is, and what is wrong.
enum Status {
    static func run(_ values: CommandValues, _ context: ClientContext) async throws(ClientError) -> Bool {
        let sidecar = try context.sidecar(values)
        let readiness = try await sidecar.send("/readyz")
        // 503 is an answer too.
        guard readiness.status == 200 || readiness.status == 503 else {
            throw .refused(ClientError.Refusal(status: readiness.status, body: readiness.body.text))
        }
        let ready = try sidecar.json(readiness.body)
        let stats = try await sidecar.json(SidecarClient.accepted(sidecar.send("/stats")))
        let streams = try await sidecar.json(SidecarClient.accepted(sidecar.send("/streams")))
        let report = StatusReport(ready: ready, stats: stats)
        let text = values.has("json") ? json(ready, stats, streams) : report.text
        guard context.output.write(text) else { return true }
        return report.isWell
    }

    private static func json(_ ready: JSONValue, _ stats: JSONValue, _ streams: JSONValue) -> String {
        var json = JSONWriter()
        json.value(["readyz": ready, "stats": stats, "streams": streams])
        json.buffer.append("\n")
        return json.buffer.text
    }
}

/// What a person sees of a sidecar's readiness and stats. Performs no I/O.
struct StatusReport {
    let ready: JSONValue
    let stats: JSONValue

    /// Whether it is ready, without a warning, and no consumer or shard has a problem.
    var isWell: Bool { isReady && problems.isEmpty }

    private var isReady: Bool { ready["status"]?.string == "ready" }

    /// Component and what is wrong with it, each once.
    var problems: [String] {
        var found: [String] = []
        for cause in (ready["causes"]?.array ?? []) + (ready["warnings"]?.array ?? []) {
            let component = cause["component"]?.string ?? "sidecar"
            found.append("\(component): \(cause["detail"]?.string ?? "")")
        }
        for (stream, consumer) in consumers {
            let name = "consumer \(stream)/\(consumer["consumerGroup"]?.string ?? "")"
            if let problem = consumer["problem"]?.string { found.append("\(name): \(problem)") }
            for shard in consumer["shards"]?.array ?? [] {
                guard let problem = shard["problem"]?.string else { continue }
                found.append("\(name), \(shard["shardId"]?.string ?? ""): \(problem)")
            }
        }
        var seen: Set<String> = []
        return found.filter { seen.insert($0).inserted }
    }

    var text: String {
        let version = stats["version"]?.string ?? ""
        var text = "kinesis-sidecar \(version): \(isReady ? "ready" : "not ready")\n"
        for problem in problems { text += "problem: \(PrintableText.line(problem))\n" }
        text += puts
        if consumers.isEmpty { return text + "no consumers\n" }
        var table = TextTable(["STREAM", "GROUP", "SHARD", "PHASE", "OWNER", "LAG", "CHECKPOINT LAG", "RECORDS/S"])
        for (stream, consumer) in consumers {
            let group = consumer["consumerGroup"]?.string ?? ""
            let shards = consumer["shards"]?.array ?? []
            if shards.isEmpty { table.add([stream, group, "", consumer["phase"]?.string ?? "", "", "", "", ""]) }
            for shard in shards { table.add([stream, group] + Self.cells(shard)) }
        }
        return text + table.text
    }

    private var consumers: [(stream: String, consumer: JSONValue)] {
        (stats["streams"]?.object ?? []).flatMap { stream in
            (stream.value["consumers"]?.array ?? []).map { (stream.key, $0) }
        }
    }

    /// A line for each stream that was put to.
    private var puts: String {
        (stats["streams"]?.object ?? []).compactMap { stream -> String? in
            guard let puts = stream.value["puts"], let records = puts["records"]?.int,
                let failures = puts["failures"]?.int, records + failures > 0
            else { return nil }
            let bytes = PrintableText.bytes(puts["bytes"]?.int ?? 0)
            return "put to \(PrintableText.line(stream.key)): \(records) records, \(bytes), \(failures) failed\n"
        }.joined()
    }

    private static func cells(_ shard: JSONValue) -> [String] {
        // In a shared group who has the lease, else which connection of this sidecar.
        let owner = shard["leaseOwner"]?["host"]?.string ?? shard["reader"]?.string
        return [
            shard["shardId"]?.string ?? "", shard["phase"]?.string ?? "", owner ?? "",
            time(shard["millisBehindLatest"]), time(shard["checkpointMillisBehindLatest"]),
            shard["recordsPerSecond"]?.double.map { String(($0 * 10).rounded() / 10) } ?? "",
        ]
    }

    private static func time(_ value: JSONValue?) -> String {
        value?.int.map(PrintableText.time(milliseconds:)) ?? ""
    }
}
