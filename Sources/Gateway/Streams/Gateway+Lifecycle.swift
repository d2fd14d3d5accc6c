import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Kinesis
import Reactor

/// Consumers that begin and end because somebody says so.
extension Gateway {
    /// `POST /streams/{s}/start`: lifion's startConsumer. The options are the query's, as for records.
    func start(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let named = try Self.consumerOptions(try Self.items(exchange.request.query))
        try await refuseBody(exchange)
        await respond(exchange, try await startText(stream, named))
    }

    func startText(_ stream: StreamName, _ named: NamedOptions) async throws(Problem) -> ByteBuffer {
        if !stage.takesReaders { throw .consumer(.shuttingDown, stream: stream) }
        do {
            let consumer = try await services.consumers.start(stream, naming: named)
            var json = JSONWriter(capacity: 1024)
            await consumer.write(&json, SlicedWalk(loop))
            return json.buffer
        } catch {
            throw .consumer(error, stream: stream)
        }
    }

    /// `POST /streams/{s}/stop`: lifion's stopConsumer.
    func stop(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let group = try group(exchange.request)
        try await refuseBody(exchange)
        await respond(exchange, await stopText(stream, group))
    }

    /// - Parameter group: nil: the default one.
    func stopText(_ stream: StreamName, _ group: String?) async -> ByteBuffer {
        let deadline = loop.now + options.stopTimeout
        let consumer = await services.consumers.stop(stream, group: group, deadline: deadline)
        var json = JSONWriter()
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", consumer.group)
        json.member("phase", consumer.phase.rawValue)
        json.endObject()
        return json.buffer
    }

    /// `POST /streams/{s}/forget`: deletes what is kept of a group. Of one that is unknown nothing is left to do.
    func forget(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let group = try group(exchange.request)
        try await refuseBody(exchange)
        let wasKnown: Bool
        do {
            wasKnown = try await services.consumers.forget(stream, group: group)
        } catch {
            throw .consumer(error, stream: stream)
        }
        var json = JSONWriter()
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", group ?? services.consumers.defaultGroup)
        json.member("forgotten", wasKnown)
        json.endObject()
        await respond(exchange, json.buffer)
    }

    /// For routes whose one option is the group.
    func group(_ request: HTTPRequest) throws(Problem) -> String? {
        let items = try Self.items(request.query).items
        for item in items where item.name != "consumerGroup" {
            throw .option(.unknown(option: item.name), accepted: ["consumerGroup"])
        }
        do {
            return try NamedOptions(items.map { ($0.name, $0.value) }, from: .query).consumerGroup
        } catch {
            throw .option(error, accepted: ["consumerGroup"])
        }
    }

    /// A body here is a misunderstanding that would otherwise go unnoticed: options are the query's.
    func refuseBody(_ exchange: HTTPExchange) async throws(Problem) {
        do throws(HTTPBodyError) {
            _ = try await exchange.body(limit: 0)
        } catch {
            throw .body(error)
        }
    }
}
