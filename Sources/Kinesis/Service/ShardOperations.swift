import AWS
import Bytes
import CBOR
import JSON
import Time

/// ListShards, one page. A page after the first is asked for by its token alone, which lives 300 s.
package struct ListShards: KinesisOperation {
    package enum Page: Equatable, Sendable {
        case first(StreamName)
        case next(token: String)
    }

    /// Shards of one page; the service allows 10,000.
    package static let pageSize = 1000
    /// Pages of one listing: ten times the 100,000 shards that the service gives its largest accounts. A service that
    /// has always another token ends with an error instead.
    static let maximumPages = 1000
    package static let name = "ListShards"
    package static let expectedCodes = ["ResourceNotFoundException"]
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
            json.member(stream)
        case .next(let token):
            json.member("NextToken", token)
        }
        json.member("MaxResults", maxResults)
        json.endObject()
    }

    package struct Response: Equatable, Sendable {
        package let shards: [Shard]
        /// nil: this was the last page.
        package let nextToken: String?
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> Response {
        let fields = ResponseFields(json)
        var shards: [Shard] = []
        for shard in try fields.list("Shards") {
            shards.append(try Shard(shard))
        }
        return Response(shards: shards, nextToken: try fields.optionalString("NextToken"))
    }
}

extension Shard {
    init(_ fields: ResponseFields) throws(ResponseError) {
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
    init(_ fields: ResponseFields) throws(ResponseError) {
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
        json.member(stream)
        json.member("ShardId", shard.text)
        json.member("ShardIteratorType", position.type.description)
        switch position {
        case .trimHorizon, .latest: break
        case .atTimestamp(let time):
            json.member("Timestamp", time)
        case .atSequenceNumber(let number), .afterSequenceNumber(let number):
            json.member("StartingSequenceNumber", number.text)
        }
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> ShardIterator {
        ShardIterator(try ResponseFields(json).string("ShardIterator"))
    }
}

/// GetRecords' request; its response goes to `RecordBatchEncoder` as bytes, never through a tree.
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

    package func body(_ format: WireFormat) -> ByteBuffer {
        switch format {
        case .json:
            var json = JSONWriter()
            json.beginObject()
            json.member("ShardIterator", iterator.token)
            json.member("Limit", limit)
            json.endObject()
            return json.buffer
        case .cbor:
            let cbor = CBORWriter(ByteBuffer())
            cbor.beginMap()
            cbor.text("ShardIterator")
            cbor.text(iterator.token)
            cbor.text("Limit")
            cbor.int(Int64(limit))
            cbor.end()
            return cbor.buffer
        }
    }
}
