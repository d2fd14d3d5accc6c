import Kinesis

/// One life of a member: its process from start to end. Every version that it gives a record of the item begins with it.
package struct MemberRun: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    /// A version that no other write has.
    package func version(_ number: Int) -> String { "\(text)-\(String(number, radix: 36))" }

    func wrote(_ version: String) -> Bool { version.hasPrefix("\(text)-") }
}

/// What this host's database knows of a shard. Performs no I/O.
package struct LocalShard: Equatable, Sendable {
    package let place: ShardRecord.Place
    package let isDepleted: Bool
    /// In which of this host's runs the place was last the group's; nil: it was never, or the lease was lost since.
    package let run: MemberRun?

    package init(place: ShardRecord.Place, isDepleted: Bool, run: MemberRun?) {
        self.place = place
        self.isDepleted = isDepleted
        self.run = run
    }
}

extension ShardRecord {
    /// Whether nobody but this host's member has written it since that run leased it: then the host may know better.
    package func isOlder(than run: MemberRun?) -> Bool { run.map { $0.wrote(version) } ?? false }

    /// The record with the place that holds, of the two that may differ after this process, or one before it, has ended.
    ///
    /// The database's, if nobody has written the record since that place was the group's: then it is the newer one. The
    /// database's too where the item says nothing, as when a group comes from one sidecar alone. Else the item's.
    package func reconciled(with local: LocalShard?) -> ShardRecord {
        guard let local else { return self }
        let isUnwritten = place.saysNothing && !isDepleted
        guard isUnwritten || isOlder(than: local.run) else { return self }
        var record = self
        record.place = local.place
        record.isDepleted = local.isDepleted
        return record
    }
}

extension GroupItem {
    /// Where a shard begins that the item has no place for, because the group followed the shards before it: nothing of it
    /// may be passed over. nil where it did not, so that `initialPositionInStream` says it.
    ///
    /// A parent that was read to its end without a record leaves its child the moment since which it was read.
    package func beginning(of shard: Shard) -> ShardRecord.Place? {
        let parents = shard.parents.compactMap { shards[$0] }
        let start = ShardRecord.Place.behind(Checkpoint(sequenceNumber: shard.startingSequenceNumber))
        // lifion-kinesis leaves no place where it has read none.
        if parents.contains(where: { $0.checkpoint != nil || ($0.isDepleted && $0.place.saysNothing) }) { return start }
        let moments = parents.compactMap { if case .since(let moment) = $0.place { moment } else { nil } }
        if let first = moments.min() { return .since(first) }
        // Its parents were trimmed away while the group was not there.
        let isFollowing = shards.values.contains { !$0.place.saysNothing }
        return parents.isEmpty && !shard.parents.isEmpty && isFollowing ? start : nil
    }
}
