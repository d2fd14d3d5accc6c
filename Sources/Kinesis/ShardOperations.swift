import JSON
import Time

/// ListShards, one page. A page after the first is asked for by its token alone, which lives 300 s.
package struct ListShards: KinesisOperation {
    package enum Page: Equatable, Sendable {
        case first(StreamName)
        case next(token: String)
    }

    /// What a page holds at most by default, and what the service allows.
    package static let pageSize = 1000
    package static let maximumPageSize = 10_000
    package static let name = "ListShards"
    package let page: Page
    package let maxResults: Int

    package init(_ page: Page, maxResults: Int = Self.pageSize) {
        self.page = page
        self.maxResults = maxResults
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        switch page {
        case .first(let stream):
            json.key("StreamName")
            json.string(stream.text)
        case .next(let token):
            json.key("NextToken")
            json.string(token)
        }
        json.key("MaxResults")
        json.int(maxResults)
        json.endObject()
    }

    package struct Answer: Equatable, Sendable {
        package let shards: [Shard]
        /// nil: this was the last page.
        package let nextToken: String?
    }

    package static func read(_ json: JSONValue) throws(KinesisAnswerError) -> Answer {
        let fields = AnswerFields(json)
        var shards: [Shard] = []
        for shard in try fields.list("Shards") {
            shards.append(try Shard(shard))
        }
        return Answer(shards: shards, nextToken: try fields.optionalString("NextToken"))
    }
}

extension Shard {
    init(_ fields: AnswerFields) throws(KinesisAnswerError) {
        let numbers = try fields.fields("SequenceNumberRange")
        let ending = try numbers.optionalString("EndingSequenceNumber")
        self.init(
            id: try fields.shardID("ShardId"), parent: try fields.optionalShardID("ParentShardId"),
            adjacentParent: try fields.optionalShardID("AdjacentParentShardId"),
            hashKeyRange: try fields.hashKeyRange("HashKeyRange"),
            startingSequenceNumber: try numbers.sequenceNumber("StartingSequenceNumber"),
            endingSequenceNumber: ending == nil ? nil : try numbers.sequenceNumber("EndingSequenceNumber"))
    }
}

extension ChildShard {
    init(_ fields: AnswerFields) throws(KinesisAnswerError) {
        var parents: [ShardID] = []
        for (index, parent) in (fields.optional("ParentShards")?.array ?? []).enumerated() {
            parents.append(try fields.required("ParentShards[\(index)]", parent.string.flatMap(ShardID.init)))
        }
        self.init(
            id: try fields.shardID("ShardId"), parents: parents,
            hashKeyRange: try fields.hashKeyRange("HashKeyRange"))
    }
}

/// GetShardIterator: 5 calls a second and shard; what it gives lives 5 minutes.
package struct GetShardIterator: KinesisOperation {
    package static let name = "GetShardIterator"
    package let stream: StreamName
    package let shard: ShardID
    package let position: StartingPosition

    package init(stream: StreamName, shard: ShardID, position: StartingPosition) {
        self.stream = stream
        self.shard = shard
        self.position = position
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("StreamName")
        json.string(stream.text)
        json.key("ShardId")
        json.string(shard.text)
        json.key("ShardIteratorType")
        json.string(position.type.description)
        switch position {
        case .trimHorizon, .latest: break
        case .atTimestamp(let time):
            json.key("Timestamp")
            json.epochSeconds(time)
        case .atSequenceNumber(let number), .afterSequenceNumber(let number):
            json.key("StartingSequenceNumber")
            json.string(number.text)
        }
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(KinesisAnswerError) -> ShardIterator {
        ShardIterator(try AnswerFields(json).string("ShardIterator"))
    }
}

/// GetRecords' request; its answer goes to `RecordBatchEncoder` as bytes, never through a tree.
package struct GetRecords: Sendable {
    package static let name = "GetRecords"
    /// Records that one call may ask for at most.
    package static let maximumLimit = 10_000
    package let iterator: ShardIterator
    /// 1…10,000.
    package let limit: Int

    package init(iterator: ShardIterator, limit: Int = Self.maximumLimit) {
        self.iterator = iterator
        self.limit = limit
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("ShardIterator")
        json.string(iterator.token)
        json.key("Limit")
        json.int(limit)
        json.endObject()
    }
}

extension JSONWriter {
    /// Seconds with three decimals, digit by digit: a Double would round some milliseconds.
    package mutating func epochSeconds(_ time: WallTime) {
        let (seconds, milliseconds) = time.milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        let fraction = String(milliseconds)
        let text =
            (time.milliseconds < 0 ? "-" : "") + String(seconds) + "."
            + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
        value(.number(text))
    }
}
