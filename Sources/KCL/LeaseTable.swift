import DynamoDB
import Kinesis
import Time

/// The leases of one stream, as one look at a lease table of the KCL has found them. Performs no I/O.
package struct LeaseTable: Equatable, Sendable {
    package let leases: [ShardID: KCLLease]

    package enum Fault: Error, Equatable, Sendable {
        case unreadable(KCLLease.Fault)
        /// No row of the table is a lease.
        case noLeases(rows: Int)
        /// The application reads other streams than the one that is asked for.
        case otherStreams([String])
        /// The application has read several streams of that name, and none of them is the one that there is now.
        case severalStreams([String])
    }

    /// - Parameters:
    ///   - rows: all of the table, in any order.
    ///   - createdOn: when the stream was made: which of several streams of one name is meant.
    package init(_ rows: [Item], of stream: StreamName, createdOn: WallTime) throws(Fault) {
        var all: [KCLLease] = []
        for row in rows {
            do throws(KCLLease.Fault) {
                if let lease = try KCLLease(row) { all.append(lease) }
            } catch { throw .unreadable(error) }
        }
        guard !all.isEmpty else { throw .noLeases(rows: rows.count) }
        let wanted = try Self.stream(stream, among: Set(all.compactMap(\.stream)), createdOn)
        let own = all.filter { $0.stream == wanted }
        leases = Dictionary(own.map { ($0.shard, $0) }, uniquingKeysWith: { $1 })
    }

    /// By which name the stream stands in the lease keys; nil: by none, as where an application reads one stream.
    private static func stream(_ stream: StreamName, among found: Set<KCLStreamID>, _ createdOn: WallTime)
        throws(Fault) -> KCLStreamID?
    {
        guard !found.isEmpty else { return nil }
        let name = stream.arn?.name ?? stream
        let candidates = found.filter { id in
            id.name == name && stream.arn.map { $0.account == id.account } ?? true
        }
        guard !candidates.isEmpty else { throw .otherStreams(found.map(\.description).sorted()) }
        if candidates.count == 1 { return candidates.first }
        let seconds = String(createdOn.milliseconds / 1000)
        let current = candidates.filter { $0.creation == seconds }
        guard current.count == 1 else { throw .severalStreams(candidates.map(\.description).sorted()) }
        return current.first
    }

    /// The leases that somebody has written since the earlier look, by their shards. A worker that is alive renews each of
    /// its leases three times within its `failoverTimeMillis`.
    package func moved(since earlier: LeaseTable) -> [KCLLease] {
        let gone = earlier.leases.values.filter { leases[$0.shard] == nil }
        let written = leases.values.filter { earlier.leases[$0.shard] != $0 }
        return (gone + written).sorted { $0.shard < $1.shard }
    }
}
