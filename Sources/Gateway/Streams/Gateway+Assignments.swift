import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Kinesis
import Time

/// Who reads what: lifion's getShardAssignments, as far as this process knows.
extension Gateway {
    /// `GET /streams/{s}/assignments`: keyed by consumer id; `GET /assignments`: the same under each stream's name,
    /// of those that whoever asks may read.
    func assignments(
        _ exchange: HTTPExchange, _ stream: StreamName?, _ principal: Principal
    ) async throws(Problem) {
        let consumers = await assigned(stream, group: try group(exchange.request)).filter {
            principal.may(.read, $0.stream)
        }
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

    /// The consumers that assignments tell of; nil: of all streams, of all groups.
    func assigned(_ stream: StreamName?, group: String?) async -> [ConsumerSnapshot] {
        await services.consumers.snapshots(of: stream).filter {
            $0.phase != .dormant && $0.group == group ?? $0.group
        }
    }

    func write(_ consumers: [ConsumerSnapshot], _ json: inout JSONWriter) {
        json.beginObject()
        var ids: Set<String> = []
        for consumer in consumers {
            guard let membership = consumer.membership else {
                json.key(consumer.id)
                write(consumer, &json)
                continue
            }
            for member in membership.members {
                // A process has one id in all of its groups.
                let id = member.record.id.text
                json.key(ids.insert(id).inserted ? id : "\(id)/\(consumer.group)")
                write(member, isThis: member.record.id == membership.me, consumer, &json)
            }
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
        writeReaders(consumer, &json)
        json.endObject()
    }

    /// A member of the group as its item has it; of this process with its readers.
    private func write(
        _ member: GroupSnapshot.Member, isThis: Bool, _ consumer: ConsumerSnapshot, _ json: inout JSONWriter
    ) {
        let record = member.record
        json.beginObject()
        json.member("appName", record.appName)
        json.member("consumerGroup", consumer.group)
        json.member("host", record.host)
        json.member("pid", record.pid)
        json.optional("startedOn", record.startedOn?.iso8601)
        json.optional("heartbeat", record.heartbeat?.iso8601)
        json.key("isActive")
        json.bool(record.isActive)
        json.key("isStandalone")
        json.bool(record.isStandalone)
        json.key("shards")
        json.value(.strings(member.shards.map(\.text)))
        if isThis { writeReaders(consumer, &json) }
        json.endObject()
    }

    private func writeReaders(_ consumer: ConsumerSnapshot, _ json: inout JSONWriter) {
        json.key("readers")
        json.beginObject()
        for reader in consumer.readers {
            json.key(reader.id)
            json.value(.strings(reader.shards.map(\.text)))
        }
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
