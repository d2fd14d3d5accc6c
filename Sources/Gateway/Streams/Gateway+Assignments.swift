import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Kinesis
import Time

/// Who reads what: lifion's getShardAssignments, as far as this process knows.
extension Gateway {
    /// `GET /streams/{s}/assignments`: keyed by consumer id; `GET /assignments`: the same under each stream's name.
    func assignments(_ exchange: HTTPExchange, _ stream: StreamName?) async throws(Problem) {
        try refuseOptions(exchange)
        let consumers = await services.consumers.snapshots(of: stream).filter { $0.phase != .dormant }
        var json = JSONWriter(capacity: 1024)
        if stream != nil {
            write(consumers, &json)
        } else {
            json.beginObject()
            for name in consumers.map(\.stream).uniqued {
                json.key(name.text)
                write(consumers.filter { $0.stream == name }, &json)
            }
            json.endObject()
        }
        await respond(exchange, json.buffer)
    }

    private func write(_ consumers: [ConsumerSnapshot], _ json: inout JSONWriter) {
        json.beginObject()
        for consumer in consumers {
            json.key(consumer.id)
            write(consumer, &json)
        }
        json.endObject()
    }

    private func write(_ consumer: ConsumerSnapshot, _ json: inout JSONWriter) {
        json.beginObject()
        json.member("appName", consumer.group)
        json.member("consumerGroup", consumer.group)
        json.member("host", options.process.host)
        json.member("pid", options.process.pid)
        json.member("startedOn", consumer.startedOn.iso8601)
        // The process that answers is alive.
        json.member("heartbeat", WallTime.now().iso8601)
        json.key("isActive")
        json.bool(consumer.isActive)
        json.key("isStandalone")
        json.bool(false)
        json.key("shards")
        json.value(.strings(consumer.heldShards.map(\.text)))
        json.key("readers")
        json.beginObject()
        for reader in consumer.readers {
            json.key(reader.id)
            json.value(.strings(reader.shards.map(\.text)))
        }
        json.endObject()
        json.endObject()
    }
}

extension ConsumerSnapshot {
    /// Whether it takes part in its group: it has found its stream, has or expects a reader, and nobody has stopped it.
    var isActive: Bool {
        switch phase {
        case .idle, .reading: holdsShards
        case .starting, .stopping, .stopped, .dormant: false
        }
    }

    /// The shards that this process reads, or would read for a reader, in the order of their names.
    var heldShards: [ShardID] {
        guard isActive else { return [] }
        return shards.filter { $0.phase != .waiting && $0.phase != .depleted }.map(\.id).sorted()
    }

    /// Each reader with the shards that are read for it, in the order of their names.
    var readers: [(id: String, shards: [ShardID])] {
        let read = Dictionary(grouping: shards, by: \.readerID)
        return readerIDs.map { id in (id, read[id, default: []].map(\.id)) }
    }
}

extension Array where Element: Hashable {
    /// The elements without those that were there before.
    var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
