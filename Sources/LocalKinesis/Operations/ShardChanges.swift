import Bytes
import Time

/// ListShards, SplitShard, MergeShards, UpdateShardCount.
extension KinesisService {
    private enum FilterType: String, CaseIterable {
        case afterShardID = "AFTER_SHARD_ID"
        case atTrimHorizon = "AT_TRIM_HORIZON"
        case fromTrimHorizon = "FROM_TRIM_HORIZON"
        case atLatest = "AT_LATEST"
        case atTimestamp = "AT_TIMESTAMP"
        case fromTimestamp = "FROM_TIMESTAMP"
    }

    private enum ScalingType: String, CaseIterable { case uniform = "UNIFORM_SCALING" }

    func listShards(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let listing = try shardListing(fields)
        guard let stream = find(listing.stream), stream.created == listing.streamCreated else {
            throw .streamNotFound(listing.stream, configuration.account)
        }
        guard stream.status != .creating else {
            throw .resourceInUse("Stream \(stream.name) under account \(configuration.account) is CREATING.")
        }
        let (shards, next) = listing.page(of: stream.orderedShards)
        var answer = fields.answer()
        answer.beginObject()
        answer.key("Shards")
        answer.beginArray()
        for shard in shards { shard.write(&answer) }
        answer.endArray()
        if let next { answer.member("NextToken", next.token(issued: .now())) }
        answer.endObject()
        return answer.buffer
    }

    private func shardListing(_ fields: RequestFields) throws(ServiceFault) -> ShardListing {
        let size = try fields.optionalInt("MaxResults", ShardListing.pageRange)
        if let token = try fields.optionalString("NextToken") {
            let others = ["StreamName", "StreamARN", "ExclusiveStartShardId", "StreamCreationTimestamp"]
            for other in others where fields.has(other) {
                throw .invalidArgument("NextToken and \(other) cannot be provided together.")
            }
            guard let (listing, issued) = ShardListing.read(token: token) else {
                throw .invalidArgument("NextToken is invalid.")
            }
            guard WallTime.now().duration(since: issued) <= ShardListing.tokenLifetime else {
                throw ServiceFault(
                    code: "ExpiredNextTokenException", message: "NextToken is expired: it is valid for 300 seconds.")
            }
            var page = listing
            if let size { page.pageSize = size }
            return page
        }
        let stream = try stream(fields)
        var listing = ShardListing(stream: stream.name, streamCreated: stream.created)
        if let size { listing.pageSize = size }
        if let filter = try fields.optionalFields("ShardFilter") { listing.filter = try Self.filter(filter) }
        if let after = try fields.optionalString("ExclusiveStartShardId") {
            listing.afterIndex = stream.shard(after)?.index ?? stream.orderedShards.last { $0.id <= after }?.index
        }
        return listing
    }

    private static func filter(_ fields: RequestFields) throws(ServiceFault) -> ShardListing.Filter {
        let time = try fields.optionalTime("Timestamp")
        switch try fields.choice("Type", FilterType.self) {
        case .afterShardID: return .afterShard(try fields.string("ShardId"))
        case .atTrimHorizon: return .atTrimHorizon
        case .fromTrimHorizon: return .fromTrimHorizon
        case .atLatest: return .atLatest
        case .atTimestamp: return .atTimestamp(try needed(time))
        case .fromTimestamp: return .fromTimestamp(try needed(time))
        }
    }

    private static func needed(_ time: WallTime?) throws(ServiceFault) -> WallTime {
        guard let time else { throw .invalidArgument("Timestamp must be given for this filter type.") }
        return time
    }

    // MARK: Changes

    func splitShard(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        let shard = try self.shard(fields.string("ShardToSplit"), of: stream)
        try stream.split(shard.index, at: fields.hashKey("NewStartingHashKey"), now: .now())
        try await pass(stream, through: .updating)
        return nil
    }

    func mergeShards(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        let first = try shard(fields.string("ShardToMerge"), of: stream)
        let second = try shard(fields.string("AdjacentShardToMerge"), of: stream)
        try stream.merge(first.index, second.index, now: .now())
        try await pass(stream, through: .updating)
        return nil
    }

    func updateShardCount(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        _ = try fields.choice("ScalingType", ScalingType.self)
        let target = try fields.int("TargetShardCount", 1...100_000)
        let current = stream.openShards.count
        guard stream.mode == .provisioned else {
            throw .validation("UpdateShardCount is not for a stream in ON_DEMAND mode.")
        }
        // Source: UpdateShardCount in the service's API reference.
        guard target <= current * 2, target * 2 >= current else {
            let direction = target > current ? "up over double" : "down below half"
            throw .limitExceeded(
                "UpdateShardCount cannot scale \(direction) your current open shard count. Current open shard count: "
                    + "\(current), Target shard count: \(target)")
        }
        try stream.scale(to: target, now: .now())
        try await pass(stream, through: .updating)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("StreamName", stream.name)
        answer.member("StreamARN", stream.arn(region: configuration.region, account: configuration.account))
        answer.member("CurrentShardCount", current)
        answer.member("TargetShardCount", target)
        answer.endObject()
        return answer.buffer
    }

    func shard(_ id: String, of stream: LocalStream) throws(ServiceFault) -> LocalShard {
        guard let shard = stream.shard(id) else {
            throw .notFound(
                "Could not find shard \(id) in stream \(stream.name) under account \(configuration.account).")
        }
        return shard
    }
}
