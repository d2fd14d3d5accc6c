import AWS
import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Kinesis
import Reactor
import State
import Time

/// What happened lately: lifion's getStats of module and instance, and beside it lag, rates and buffers of each shard.
extension Gateway {
    /// `GET /stats`: of the process, with every stream that whoever asks may read; `GET /streams/{s}/stats`: of one stream.
    func stats(_ exchange: HTTPExchange, _ stream: StreamName?, _ principal: Principal) async throws(Problem) {
        try refuseOptions(exchange)
        await respond(exchange, await statsText(of: stream, for: principal))
    }

    func statsText(of stream: StreamName?, for principal: Principal) async -> ByteBuffer {
        var json = JSONWriter(capacity: 2048)
        json.beginObject()
        if let stream {
            await writeStream(stream, &json)
        } else {
            await writeProcess(&json, for: principal)
        }
        json.endObject()
        return json.buffer
    }

    /// One stream's stats without the opening brace, as an event has them. Readers that are due together share one text.
    func statsMembers(of stream: StreamName) async -> ByteBuffer {
        if let kept = eventStats[stream], kept.until > loop.now { return await kept.members.value }
        let members = Task(executorPreference: loop) {
            var json = JSONWriter(capacity: 2048)
            json.member("streamName", stream.text)
            await self.writeStream(stream, &json)
            json.endObject()
            return json.buffer
        }
        eventStats = eventStats.filter { $0.value.until > loop.now }
        eventStats[stream] = (members, loop.now + Self.statsKept)
        return await members.value
    }

    /// How old the stats in an event may be.
    private static let statsKept = Duration.milliseconds(500)

    private func writeStream(_ stream: StreamName, _ json: inout JSONWriter) async {
        json.member("version", options.version)
        let stats = await StreamStats(stream, services)
        stats.writeService(&json)
        json.key("kinesis")
        json.beginObject()
        stats.writeFields(&json)
        json.endObject()
        await write(stats, &json, SlicedWalk(loop))
    }

    private func writeProcess(_ json: inout JSONWriter, for principal: Principal) async {
        json.member("version", options.version)
        let streams = await StreamStats.all(services).filter { principal.may(.read, $0.stream) }
        // What the services said names streams and accounts.
        let kinesis =
            principal.mayReadAll
            ? services.kinesis() : ServiceActivity(lastAnswer: streams.compactMap(\.activity.lastAnswer).max())
        let walk = SlicedWalk(loop)
        json.time("lastAwsResponse", kinesis.lastAnswer)
        json.exceptions(kinesis.recentExceptions)
        json.key("kinesis")
        json.beginObject()
        json.time("lastAwsResponse", kinesis.lastAnswer)
        json.time("lastRecordConsumed", streams.compactMap(\.lastRecordConsumed).max())
        json.time("lastRecordSent", streams.compactMap(\.activity.lastRecordSent).max())
        json.exceptions(kinesis.recentExceptions)
        json.endObject()
        if principal.mayReadAll {
            if let table = services.table() { table.write(&json) }
            if let items = services.items() { items.write(&json) }
            json.credentials(services.credentials())
        }
        json.member("bufferedBytes", services.consumers.bufferedBytes)
        json.member("waitingPutBytes", services.producer.waitingBytes)
        json.key("processors")
        json.beginArray()
        for application in services.processors() where principal.may(.read, application.stream) {
            application.write(&json)
        }
        json.endArray()
        json.key("streams")
        json.beginObject()
        for stats in streams {
            json.key(stats.stream.text)
            json.beginObject()
            stats.writeFields(&json)
            await write(stats, &json, walk)
            json.endObject()
        }
        json.endObject()
    }

    /// What lifion does not have.
    private func write(_ stats: StreamStats, _ json: inout JSONWriter, _ walk: SlicedWalk) async {
        json.key("puts")
        json.beginObject()
        json.member("records", stats.activity.putRecords)
        json.member("bytes", stats.activity.putBytes)
        json.member("failures", stats.activity.putFailures)
        json.member("retries", services.producer.retriedRecords(of: stats.stream))
        json.member("calls", stats.activity.putCalls)
        json.member("callsInFlight", stats.activity.putCallsInFlight)
        json.endObject()
        json.key("consumers")
        json.beginArray()
        for consumer in stats.consumers { await write(consumer, &json, walk) }
        json.endArray()
    }
}

extension TableActivity {
    /// The member `dynamoDb` of the process's stats.
    fileprivate func write(_ json: inout JSONWriter) {
        json.key("dynamoDb")
        json.beginObject()
        json.time("lastAwsResponse", service.lastAnswer)
        json.exceptions(service.recentExceptions)
        json.member("reads", use.reads)
        json.member("writes", use.writes)
        json.member("failedConditions", use.failedConditions)
        json.key("readUnits")
        json.double(use.readUnits)
        json.key("writtenUnits")
        json.double(use.writtenUnits)
        json.optional("problem", problem)
        json.endObject()
    }
}

extension ItemActivity {
    /// The member `s3` of the process's stats.
    fileprivate func write(_ json: inout JSONWriter) {
        json.key("s3")
        json.beginObject()
        json.time("lastAwsResponse", service.lastAnswer)
        json.exceptions(service.recentExceptions)
        json.member("puts", counters.puts)
        json.member("putBytes", counters.putBytes)
        json.member("putFailures", counters.putFailures)
        json.member("gets", counters.gets)
        json.member("gotBytes", counters.gotBytes)
        json.member("getFailures", counters.getFailures)
        json.optional("problem", problems.first)
        json.endObject()
    }
}

/// One stream's part of the stats.
struct StreamStats {
    let stream: StreamName
    let activity: StreamActivity
    let consumers: [ConsumerSnapshot]

    init(_ stream: StreamName, _ services: GatewayServices) async {
        let consumers = await services.consumers.snapshots(of: stream)
        self.init(stream, services.activity[stream], consumers)
    }

    private init(_ stream: StreamName, _ activity: StreamActivity, _ consumers: [ConsumerSnapshot]) {
        self.stream = stream
        self.activity = activity
        self.consumers = consumers
    }

    /// Every stream that this process has to do with, by name.
    static func all(_ services: GatewayServices) async -> [StreamStats] {
        let consumers = Dictionary(grouping: await services.consumers.snapshots(), by: \.stream)
        let names = Set(services.activity.all.map(\.stream)).union(consumers.keys)
        return names.sorted().map { StreamStats($0, services.activity[$0], consumers[$0] ?? []) }
    }

    var lastRecordConsumed: WallTime? {
        consumers.lazy.flatMap(\.shards).compactMap(\.counters.lastRecordConsumed).max()
    }

    func writeService(_ json: inout JSONWriter) {
        json.time("lastAwsResponse", activity.lastAnswer)
        json.exceptions(activity.exceptions)
    }

    /// lifion's four fields.
    func writeFields(_ json: inout JSONWriter) {
        json.time("lastAwsResponse", activity.lastAnswer)
        json.time("lastRecordConsumed", lastRecordConsumed)
        json.time("lastRecordSent", activity.lastRecordSent)
        json.exceptions(activity.exceptions)
    }
}

extension JSONWriter {
    /// The member `credentials` of the process's stats.
    fileprivate mutating func credentials(_ all: [ServiceCredentials]) {
        key("credentials")
        beginObject()
        for one in all {
            key(one.service.optionName)
            beginObject()
            member("state", one.status.condition.rawValue)
            optional("source", one.status.place)
            time("expiration", one.status.expiration)
            optional("accountId", one.status.accountID?.text)
            optional("problem", one.status.problem?.description)
            endObject()
        }
        endObject()
    }

    /// A time, null where there is none: lifion's stats always have the member.
    mutating func time(_ name: StaticString, _ time: WallTime?) {
        key(name)
        if let time { string(time.iso8601) } else { null() }
    }

    /// `recentExceptions` as lifion writes it.
    mutating func exceptions(_ recent: RecentExceptions) {
        let now = WallTime.now()
        key("recentExceptions")
        beginObject()
        member("count", recent.count(now: now))
        key("exceptions")
        beginArray()
        for entry in recent.exceptions(now: now) {
            beginObject()
            member("message", entry.message)
            member("timestamp", entry.timestamp.iso8601)
            optional("code", entry.code)
            optional("requestId", entry.requestID)
            if let status = entry.statusCode { member("statusCode", status) }
            endObject()
        }
        endArray()
        endObject()
    }
}
