import DynamoDB
import Kinesis

/// A lease of the Kinesis Client Library: one shard's row of its lease table, as KCL 1.x to 3.5 write it. Performs no I/O.
///
/// Source: the tables that KCL 2.7.2, 3.1.3 and 3.5.1 wrote (Tests/Recordings/kcl).
package struct KCLLease: Equatable, Sendable {
    /// Where its reading goes on.
    package enum Position: Hashable, Sendable {
        case trimHorizon
        case latest
        /// At a moment that stands in the application's configuration, and not in the table.
        case atTimestamp
        /// The shard is read to its end.
        case shardEnd
        /// The record is done up to and including its user record of this number; a record that is not aggregated has the
        /// number 0.
        case record(SequenceNumber, subSequenceNumber: Int)
    }

    package let shard: ShardID
    /// nil: of an application that reads one stream.
    package let stream: KCLStreamID?
    /// The worker that had it last: it stays when the worker ends.
    package let owner: String?
    /// Grows with every renewal and every checkpoint.
    package let counter: String
    package let position: Position
    /// The shards that this one came from; empty where there are none, or the application never wrote them.
    package let parents: [ShardID]
    /// The position that the application has prepared and not made yet; nil: none.
    package let pendingCheckpoint: String?

    /// What of a lease's row cannot be read.
    package struct Fault: Error, Equatable, Sendable {
        /// Its `leaseKey`.
        package let row: String
        package let attribute: String
        /// As it stands; nil: it is missing.
        package let value: AttributeValue?
    }

    /// nil: the row is no lease. KCL 3.5 has its leader, its migration's state and its workers' figures in the same table;
    /// what is no lease has no `leaseCounter`, and no `checkpoint` under a shard's name either.
    package init?(_ row: Item) throws(Fault) {
        let key = row["leaseKey"]?.string ?? ""
        let names = Self.names(key)
        let isLease = row["leaseCounter"] != nil || (row["checkpoint"] != nil && names != nil)
        guard isLease, row["entityType"]?.string ?? "LEASE" == "LEASE" else { return nil }
        func fault(_ attribute: String) -> Fault {
            Fault(row: key, attribute: attribute, value: row[attribute])
        }
        guard let (stream, shard) = names else { throw fault("leaseKey") }
        guard case .number(let counter) = row["leaseCounter"] else { throw fault("leaseCounter") }
        self.counter = counter
        (self.stream, self.shard) = (stream, shard)
        owner = row["leaseOwner"]?.string
        // KCL 1.0 knew no aggregates.
        let subSequenceNumber = row["checkpointSubSequenceNumber"] ?? .number("0")
        guard let number = subSequenceNumber.int, number >= 0 else { throw fault("checkpointSubSequenceNumber") }
        guard let position = row["checkpoint"]?.string.flatMap({ Position($0, number) }) else {
            throw fault("checkpoint")
        }
        self.position = position
        guard case .stringSet(let parents) = row["parentShardId"] ?? .stringSet([]) else {
            throw fault("parentShardId")
        }
        self.parents = parents.compactMap { Self.names($0)?.shard }.sorted()
        pendingCheckpoint = row["pendingCheckpoint"]?.string
    }

    /// `shardId-000000000000`, or `123456789012:orders:1700000000:shardId-000000000000`.
    private static func names(_ key: String) -> (stream: KCLStreamID?, shard: ShardID)? {
        let parts = key.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let shard = parts.last.flatMap(ShardID.init) else { return nil }
        if parts.count == 1 { return (nil, shard) }
        guard parts.count == 4, let name = StreamName(parts[1]) else { return nil }
        return (KCLStreamID(account: parts[0], name: name, creation: parts[2]), shard)
    }
}

/// How an application that reads several streams names one of them in its lease keys: `account:stream:creation`.
package struct KCLStreamID: Hashable, Sendable, CustomStringConvertible {
    package let account: String
    package let name: StreamName
    /// Epoch seconds of the stream's creation, where the application has said the true ones.
    package let creation: String

    package var description: String { "\(account):\(name):\(creation)" }
}

extension KCLLease.Position {
    fileprivate init?(_ checkpoint: String, _ subSequenceNumber: Int) {
        switch checkpoint {
        case "TRIM_HORIZON": self = .trimHorizon
        case "LATEST": self = .latest
        case "AT_TIMESTAMP": self = .atTimestamp
        case "SHARD_END": self = .shardEnd
        default:
            guard let number = SequenceNumber(checkpoint) else { return nil }
            self = .record(number, subSequenceNumber: subSequenceNumber)
        }
    }
}

extension KCLLease.Position: CustomStringConvertible {
    /// As it stands in the table; a user record's number that is not 0 behind a slash.
    package var description: String {
        switch self {
        case .trimHorizon: "TRIM_HORIZON"
        case .latest: "LATEST"
        case .atTimestamp: "AT_TIMESTAMP"
        case .shardEnd: "SHARD_END"
        case .record(let number, 0): number.text
        case .record(let number, let subSequenceNumber): "\(number)/\(subSequenceNumber)"
        }
    }
}
