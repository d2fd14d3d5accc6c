import AWS
import Bytes
import Kinesis
import Time

/// What a shard iterator says: from which record of which shard to read, and when it was given.
///
/// On the wire it is base64 with a digest, so that a garbled one is refused; it is no secret. Performs no I/O.
package struct ShardIteratorToken: Equatable {
    /// How long an iterator may be used. Source: GetShardIterator in the service's API reference.
    static let lifetime = Duration.seconds(300)

    var stream: String
    /// Tells a stream from an earlier one of its name.
    var streamCreated: WallTime
    package var shardIndex: Int
    /// The first record that is wanted.
    var ordinal: Int64
    var issued: WallTime

    func isExpired(now: WallTime) -> Bool {
        now.duration(since: issued) > Self.lifetime
    }

    var text: String {
        let body = "\(stream)/\(streamCreated.milliseconds)/\(shardIndex)/\(ordinal)/\(issued.milliseconds)"
        return Base64.encode(Array((Self.digest(body) + "/" + body).utf8))
    }

    init(stream: String, streamCreated: WallTime, shardIndex: Int, ordinal: Int64, issued: WallTime) {
        self.stream = stream
        self.streamCreated = streamCreated
        self.shardIndex = shardIndex
        self.ordinal = ordinal
        self.issued = issued
    }

    package init?(_ text: String) {
        guard let bytes = Base64.decode(text) else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == Self.digest(parts[1...].joined(separator: "/")),
            let created = Int64(parts[2]), let index = Int(parts[3]), let ordinal = Int64(parts[4]),
            let issued = Int64(parts[5])
        else { return nil }
        self.init(
            stream: String(parts[1]), streamCreated: WallTime(milliseconds: created), shardIndex: index,
            ordinal: ordinal, issued: WallTime(milliseconds: issued))
    }

    private static func digest(_ text: String) -> String {
        String(Digest.sha256("iterator:" + text).hex.prefix(16))
    }
}
