import AWS
import Bytes
import Time

/// Which shards a ListShards asks for, and the pages in which they come. Performs no I/O.
struct ShardListing: Equatable {
    enum Filter: Equatable {
        case all
        case afterShard(String)
        case atTrimHorizon
        case fromTrimHorizon
        case atLatest
        case atTimestamp(WallTime)
        case fromTimestamp(WallTime)
    }

    /// How long a NextToken may be used. Source: ListShards in the service's API reference.
    static let tokenLifetime = Duration.seconds(300)
    static let pageRange = 1...10_000
    static let defaultPage = 1000

    var stream: String
    var streamCreated: WallTime
    var filter = Filter.all
    /// Shards up to this index are not wanted: the last one of the page before.
    var afterIndex: Int?
    var pageSize = defaultPage

    /// One page and, where more follow, the listing that goes on behind it.
    func page(of shards: [LocalShard]) -> (shards: [LocalShard], next: ShardListing?) {
        let present = Set(shards.map(\.index))
        let wanted = shards.filter { shard in
            shard.index > (afterIndex ?? -1) && selects(shard, isRoot: !shard.parents.contains(where: present.contains))
        }
        let page = Array(wanted.prefix(pageSize))
        guard wanted.count > page.count, let last = page.last else { return (page, nil) }
        var next = self
        next.afterIndex = last.index
        return (page, next)
    }

    private func selects(_ shard: LocalShard, isRoot: Bool) -> Bool {
        switch filter {
        case .all, .fromTrimHorizon: true
        case .afterShard(let id): shard.id > id
        // Closed shards are removed once they have outlived the retention period: those without a parent here reach
        // back to it.
        case .atTrimHorizon: isRoot
        case .atLatest: shard.isOpen
        case .atTimestamp(let time): shard.created <= time && (shard.closed.map { $0 > time } ?? true)
        case .fromTimestamp(let time): shard.closed.map { $0 > time } ?? true
        }
    }

    // MARK: NextToken

    func token(issued: WallTime) -> String {
        let fields = [
            stream, String(streamCreated.milliseconds), filterText, String(afterIndex ?? -1), String(pageSize),
            String(issued.milliseconds),
        ]
        let body = fields.joined(separator: "/")
        return Base64.encode(Array((Self.digest(body) + "/" + body).utf8))
    }

    /// The listing that a token goes on with, and when the token was given; nil for a garbled one.
    static func read(token: String) -> (listing: ShardListing, issued: WallTime)? {
        guard let bytes = Base64.decode(token) else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 7, parts[0] == digest(parts[1...].joined(separator: "/")), let created = Int64(parts[2]),
            let filter = Filter(text: String(parts[3])), let after = Int(parts[4]), let size = Int(parts[5]),
            let issued = Int64(parts[6])
        else { return nil }
        let listing = ShardListing(
            stream: String(parts[1]), streamCreated: WallTime(milliseconds: created), filter: filter,
            afterIndex: after, pageSize: size)
        return (listing, WallTime(milliseconds: issued))
    }

    private var filterText: String {
        switch filter {
        case .all: "all"
        case .afterShard(let id): "after:\(id)"
        case .atTrimHorizon: "atTrimHorizon"
        case .fromTrimHorizon: "fromTrimHorizon"
        case .atLatest: "atLatest"
        case .atTimestamp(let time): "at:\(time.milliseconds)"
        case .fromTimestamp(let time): "from:\(time.milliseconds)"
        }
    }

    private static func digest(_ text: String) -> String {
        String(Digest.sha256("shards:" + text).hex.prefix(16))
    }
}

extension ShardListing.Filter {
    fileprivate init?(text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let time = parts.count == 2 ? Int64(parts[1]).map { WallTime(milliseconds: $0) } : nil
        switch (parts.first, time) {
        case ("all", _): self = .all
        case ("atTrimHorizon", _): self = .atTrimHorizon
        case ("fromTrimHorizon", _): self = .fromTrimHorizon
        case ("atLatest", _): self = .atLatest
        case ("after", _) where parts.count == 2: self = .afterShard(parts[1])
        case ("at", .some(let time)): self = .atTimestamp(time)
        case ("from", .some(let time)): self = .fromTimestamp(time)
        default: return nil
        }
    }
}
