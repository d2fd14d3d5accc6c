import Bytes
import HTTP
import HTTPServer
import JSON
import State

/// What whoever runs the sidecar asks of it.
extension Gateway {
    /// `GET /livez`: the loop turns, else there would be no answer.
    func livez(_ exchange: HTTPExchange) async throws(Problem) {
        try refuseOptions(exchange)
        var json = JSONWriter()
        json.beginObject()
        json.member("status", "alive")
        json.member("version", options.version)
        json.endObject()
        await respond(exchange, json.buffer)
    }

    /// `GET /readyz`: 503 from the signal or `POST /drain` on, or when checkpoints can be stored nowhere. Where one of two places is left, and AWS in
    /// trouble, is told in the body alone: a restart of the sidecar would not help. The reasons name streams and accounts: they are for
    /// those who may read all streams.
    func readyz(_ exchange: HTTPExchange, _ principal: Principal) async throws(Problem) {
        try refuseOptions(exchange)
        let readiness = readiness
        let text = readiness.text(withReasons: principal.mayReadAll)
        await respond(exchange, text, readiness.isReady ? .ok : .serviceUnavailable)
    }

    var isReady: Bool { readiness.isReady }

    private var readiness: Readiness {
        var readiness = Readiness()
        if let reason = stage.reason { readiness.blocking.append(Readiness.Cause("process", reason)) }
        switch services.consumers.storage {
        // Why an item cannot be written is told below: of the table, and of each consumer.
        case .whole, .sqliteAlone: break
        case .itemAlone(let sqlite):
            readiness.passing.append(
                Readiness.Cause(
                    "state", "\(sqlite); groups go on with DynamoDB alone, Last-Event-ID and unreadBytes are off"))
        case .nowhere(let sqlite, let item):
            readiness.blocking.append(Readiness.Cause("state", sqlite))
            if let item { readiness.blocking.append(Readiness.Cause("dynamoDb", item)) }
        }
        // Each once. What has worked since is history. A stream that is not there is told to those who ask for it, and is
        // no trouble where it is created.
        var told: Set<String> = ["ResourceNotFoundException"]
        for failure in services.activity.all.flatMap({ $0.activity.unresolved(now: .now()) })
        where !told.contains(failure.code ?? "") && told.insert(failure.message).inserted {
            readiness.passing.append(Readiness.Cause("kinesis", failure.message))
        }
        if let problem = services.table()?.problem { readiness.passing.append(Readiness.Cause("dynamoDb", problem)) }
        for problem in services.items()?.problems ?? [] { readiness.passing.append(Readiness.Cause("s3", problem)) }
        for consumer in services.consumers.problems {
            readiness.passing.append(Readiness.Cause("consumer \(consumer.stream)/\(consumer.group)", consumer.problem))
        }
        return readiness
    }
}

/// Whether work should be sent here, and what stands in its way. Performs no I/O.
struct Readiness: Equatable {
    struct Cause: Equatable {
        let component: String
        let detail: String

        init(_ component: String, _ detail: String) {
            self.component = component
            self.detail = detail
        }
    }

    /// What makes the sidecar not ready.
    var blocking: [Cause] = []
    /// What is wrong and passes without anything being done here.
    var passing: [Cause] = []

    var isReady: Bool { blocking.isEmpty }

    func text(withReasons: Bool) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("status", isReady ? "ready" : "notReady")
        json.key("causes")
        write(withReasons ? blocking : [], &json)
        json.key("warnings")
        write(withReasons ? passing : [], &json)
        json.endObject()
        return json.buffer
    }

    private func write(_ causes: [Cause], _ json: inout JSONWriter) {
        json.beginArray()
        for cause in causes {
            json.beginObject()
            json.member("component", cause.component)
            json.member("detail", cause.detail)
            json.endObject()
        }
        json.endArray()
    }
}
