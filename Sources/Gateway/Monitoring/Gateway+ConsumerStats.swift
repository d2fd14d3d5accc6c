import Consumer
import JSON
import Kinesis
import Reactor
import State

/// A consumer's part of the stats: its shards, and where, with whom and how it reads.
extension Gateway {
    func write(_ consumer: ConsumerSnapshot, _ json: inout JSONWriter, _ walk: SlicedWalk) async {
        json.beginObject()
        json.member("consumerGroup", consumer.group)
        json.member("consumerId", consumer.id)
        json.member("phase", consumer.phase.rawValue)
        json.optional("problem", consumer.problem)
        consumer.storage.write(&json)
        consumer.membership?.write(&json)
        consumer.fanOut?.write(&json)
        json.key("shards")
        json.beginArray()
        for shard in consumer.shards {
            let owner = consumer.membership?.owners[shard.id]
            write(shard, of: consumer, leasedBy: owner, &json)
            await walk.step()
        }
        json.endArray()
        json.endObject()
    }

    private func write(
        _ shard: ShardSnapshot, of consumer: ConsumerSnapshot, leasedBy owner: GroupMember?, _ json: inout JSONWriter
    ) {
        let rate = rates.rate(of: shard, in: consumer)
        json.beginObject()
        json.member("shardId", shard.id.text)
        json.member("phase", shard.phase.rawValue)
        json.optional("reader", shard.readerID)
        if let owner {
            json.key("leaseOwner")
            json.beginObject()
            json.member("memberId", owner.id.text)
            json.member("host", owner.host)
            json.endObject()
        }
        if let behind = shard.millisBehindLatest { json.member("millisBehindLatest", behind) }
        shard.backlog.write(&json)
        json.member("bufferedBytes", shard.bufferedBytes)
        json.member("records", shard.counters.records)
        json.member("bytes", shard.counters.bytes)
        json.member("droppedUserRecords", shard.counters.droppedUserRecords)
        json.member("restarts", shard.counters.restarts)
        json.member("rewinds", shard.counters.rewinds)
        json.member("skippedRecords", shard.counters.skippedRecords)
        json.key("recordsPerSecond")
        json.double(rate.recordsPerSecond)
        json.key("bytesPerSecond")
        json.double(rate.bytesPerSecond)
        if consumer.fanOut != nil { shard.counters.writeSubscriptions(&json) }
        json.time("lastProgress", shard.counters.lastProgress)
        json.optional("problem", shard.problem)
        json.endObject()
    }
}

extension CheckpointStorage {
    /// The member `storage` of a consumer.
    fileprivate func write(_ json: inout JSONWriter) {
        json.key("storage")
        json.beginObject()
        json.key("checkpoints")
        json.beginArray()
        for place in places { json.string(place) }
        json.endArray()
        json.member("lastEventId", keepsDeliveryLog)
        json.member("unreadBytes", keepsDeliveryLog)
        json.optional("problem", sqliteProblem)
        json.endObject()
    }

    private var places: [String] {
        switch self {
        case .whole(isShared: true): ["sqlite", "dynamoDb"]
        case .whole(isShared: false), .sqliteAlone: ["sqlite"]
        case .itemAlone: ["dynamoDb"]
        case .nowhere: []
        }
    }
}

extension FanOutSnapshot {
    /// The member `fanOut` of a consumer.
    fileprivate func write(_ json: inout JSONWriter) {
        json.key("fanOut")
        json.beginObject()
        switch self {
        case .subscribed(let consumer):
            json.member("state", "subscribed")
            json.member("consumerArn", consumer.text)
        case .waiting(let problem):
            json.member("state", "waiting")
            json.optional("problem", problem)
        case .polling(let problem):
            json.member("state", "polling")
            json.member("problem", problem)
        }
        json.endObject()
    }
}

extension ShardCounters {
    /// The members of a shard that is subscribed to.
    fileprivate func writeSubscriptions(_ json: inout JSONWriter) {
        json.member("subscriptions", subscriptions)
        json.key("subscriptionEnds")
        json.beginObject()
        for (ending, count) in subscriptionEndings.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            json.key(ending.rawValue)
            json.int(count)
        }
        json.endObject()
        json.member("pushedBytes", pushedBytes)
    }
}

extension GroupSnapshot {
    /// The member `group` of a consumer.
    fileprivate func write(_ json: inout JSONWriter) {
        json.key("group")
        json.beginObject()
        json.member("memberId", me.text)
        json.member("members", members.count)
        json.member("leases", members.first { $0.record.id == me }?.shards.count ?? 0)
        json.member("leasesTaken", counters.taken)
        json.member("leasesRenewed", counters.renewed)
        json.member("leasesGivenUp", counters.givenUp)
        json.member("leasesLost", counters.lost)
        json.member("itemBytes", itemBytes)
        json.member("writeIntervalMillis", Int(writeInterval.wholeMilliseconds))
        json.optional("problem", problem)
        json.endObject()
    }
}
