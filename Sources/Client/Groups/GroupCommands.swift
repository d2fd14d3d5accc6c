import AWS
import Bytes
import JSON

/// `checkpoint` and `seek`: where a group stands, and where it is put.
enum GroupCommands {
    static func checkpoint(_ values: CommandValues, _ context: ClientContext) async throws(ClientError) -> Bool {
        if values.has("skip"), !values.has("id") { throw .usage("--skip needs --id, which it passes over") }
        let sidecar = try context.sidecar(values)
        let place = (path: SidecarClient.path("streams", values.operands[0], "checkpoints"), query: query(values))
        let body: ByteBuffer
        if let id = values.text("id") {
            var json = JSONWriter()
            json.beginObject()
            json.member("id", id)
            if values.has("skip") { json.member("skip", true) }
            json.endObject()
            body = try await SidecarClient.accepted(
                sidecar.send(place.path, method: .post, query: place.query, body: json.buffer))
        } else {
            body = try await SidecarClient.accepted(sidecar.send(place.path, query: place.query))
        }
        let answer = try sidecar.json(body)
        return context.output.write(values.has("json") ? body.text + "\n" : GroupReport.checkpoints(answer))
    }

    static func seek(_ values: CommandValues, _ context: ClientContext) async throws(ClientError) -> Bool {
        try values.refuse("dry-run", with: "yes")
        let request = try SeekTarget(values)
        let asks = !values.has("yes") && !values.has("dry-run")
        if asks, !context.input.isTerminal {
            throw .usage("without a terminal seek needs --yes, or --dry-run to see what it would do")
        }
        let sidecar = try context.sidecar(values)
        let path = SidecarClient.path("streams", values.operands[0], "seek")
        func send(isDryRun: Bool) async throws(ClientError) -> ByteBuffer {
            try await SidecarClient.accepted(
                sidecar.send(path, method: .post, query: query(values), body: request.body(isDryRun: isDryRun)))
        }
        if asks {
            let plan = try await sidecar.json(send(isDryRun: true))
            _ = context.errors.write(GroupReport.seek(plan))
            let count = plan["shards"]?.array?.count ?? 0
            _ = context.errors.write("put \(count == 1 ? "this shard" : "these \(count) shards") there? [y/N] ")
            guard context.saysYes() else { throw .failed("nothing was changed") }
        }
        let body = try await send(isDryRun: values.has("dry-run"))
        return context.output.write(
            try values.has("json") ? body.text + "\n" : GroupReport.seek(sidecar.json(body)))
    }

    private static func query(_ values: CommandValues) -> String? {
        SidecarClient.query([("consumerGroup", values.text("group"))])
    }
}

/// Where `seek` puts a group, as the body of the request. Performs no I/O.
struct SeekTarget: Equatable {
    /// The HTTP interface takes up to so many digits as milliseconds since 1970; sequence numbers have 56.
    private static let mostDigitsOfTime = 15

    private let to: String
    private let shard: String?

    init(_ values: CommandValues) throws(ClientError) {
        guard let to = values.text("to") else {
            throw .usage("--to is missing: TRIM_HORIZON, LATEST, a time, or with --shard a sequence number")
        }
        self.to = to
        shard = values.text("shard")
        if isNumber, shard == nil { throw .usage("--to: a sequence number is one of a shard's; give --shard too") }
    }

    private var isNumber: Bool {
        to.utf8.count > Self.mostDigitsOfTime && to.utf8.allSatisfy { (48...57).contains($0) }
    }

    func body(isDryRun: Bool) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.key("to")
        if isNumber {
            json.beginObject()
            json.member("sequenceNumber", to)
            json.endObject()
        } else {
            json.string(to)
        }
        json.optional("shardId", shard)
        json.member("dryRun", isDryRun)
        json.endObject()
        return json.buffer
    }
}

/// The tables of checkpoints and of what a seek does. Performs no I/O.
enum GroupReport {
    /// Of a GET, or of what an acknowledgement has stored.
    static func checkpoints(_ answer: JSONValue) -> String {
        if let stored = answer["checkpoints"]?.array {
            var table = TextTable(["SHARD", "SEQUENCE NUMBER"])
            for shard in stored { table.add([text(shard["shardId"]), text(shard["sequenceNumber"])]) }
            return table.text
        }
        var table = TextTable(["SHARD", "GOES ON", "ARRIVED", "OWNER"])
        for shard in answer["shards"]?.array ?? [] {
            let isDone = shard["depleted"]?.bool == true
            table.add([
                text(shard["shardId"]), isDone ? "DEPLETED" : text(shard["position"]),
                text(shard["approximateArrivalTimestamp"]), text(shard["leaseOwner"]),
            ])
        }
        return table.text
    }

    static func seek(_ answer: JSONValue) -> String {
        var table = TextTable(["SHARD", "FROM", "TO", "BEHIND THE TIP", "RECORDS"])
        for shard in answer["shards"]?.array ?? [] {
            table.add([
                text(shard["shardId"]), text(shard["from"]), text(shard["to"]),
                shard["milliseconds"]?.int.map(PrintableText.time(milliseconds:)) ?? "",
                shard["recordsEstimate"]?.int.map { "about \($0)" } ?? "",
            ])
        }
        return table.text
    }

    private static func text(_ value: JSONValue?) -> String { value?.string ?? "" }
}
