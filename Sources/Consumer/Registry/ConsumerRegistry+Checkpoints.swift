import Kinesis
import Reactor
import State

/// Where one shard of a group stands.
package struct ShardCheckpoint: Hashable, Sendable {
    package let shard: ShardID
    /// nil: nothing is done.
    package let checkpoint: Checkpoint?
    package let isDepleted: Bool
    /// Where reading goes on, in the service's words; nil: where the next reader's `initialPositionInStream` says, or nowhere.
    package let position: String?
    /// Which member of the group reads it; nil: nobody, or the group is this process's own.
    package let owner: MemberID?
}

extension ConsumerRegistry {
    /// Where a group stands, whether or not somebody reads it here: as the group's item says it, of shards that this member
    /// leases as this host knows it; or as it is stored here.
    /// - Parameter group: nil means the group that a request without one belongs to.
    package func checkpoints(of stream: StreamName, group: String?) async throws(ConsumerError) -> [ShardCheckpoint] {
        context.loop.preconditionOnLoop()
        let key = key(stream, group)
        let deadline = context.loop.now + Self.patienceWithPreparing
        while true {
            if let checkpoints = try await knownCheckpoints(of: key) { return checkpoints }
            guard isBeginning(key) else { throw .unknownGroup(key.group) }
            try await waitWhileBeginning(key, until: deadline)
        }
    }

    /// nil: nothing is kept of the group.
    private func knownCheckpoints(of key: ConsumerKey) async throws(ConsumerError) -> [ShardCheckpoint]? {
        if let item = try await item(of: key) {
            let book = positions(of: key)?.book
            return item.shards.values.sorted { $0.id < $1.id }.map { record in
                let local = book.flatMap { $0.isLeased(record.id) ? $0.local(record.id) : nil }
                let owner = record.isDepleted ? nil : record.lease.flatMap { item.members[$0.owner]?.id }
                return ShardCheckpoint(
                    record.id, local?.place ?? record.place, isDepleted: local?.isDepleted ?? record.isDepleted,
                    owner: owner)
            }
        }
        guard let book = try await knownPositions(of: key)?.book else { return nil }
        return book.shards.compactMap { shard in
            book.local(shard.id).map { ShardCheckpoint(shard.id, $0.place, isDepleted: $0.isDepleted, owner: nil) }
        }
    }

    /// How long somebody who asks about a group that is just beginning waits for it.
    static let patienceWithPreparing: Duration = .seconds(5)

    /// Whether a group's first positions are being fixed here.
    func isBeginning(_ key: ConsumerKey) -> Bool {
        positions(of: key) == nil && consumers[key]?.isPreparing ?? false
    }

    func waitWhileBeginning(_ key: ConsumerKey, until deadline: EventLoop.Instant) async throws(ConsumerError) {
        try await consumers[key]?.waitWhilePreparing(until: deadline)
    }

    /// nil: there is none.
    private func item(of key: ConsumerKey) async throws(ConsumerError) -> GroupItem? {
        guard let group = context.group else { return nil }
        if let obstacle = group.obstacle { throw .group(obstacle) }
        let settings = consumers[key]?.group?.membership?.settings
        do {
            guard let found = try await group.table.read(key, isConsistent: true) else { return nil }
            return GroupItem(found, place: settings?.place(in: found) ?? .shared)
        } catch { throw .group(error.description) }
    }
}

extension ShardCheckpoint {
    fileprivate init(_ shard: ShardID, _ place: ShardRecord.Place, isDepleted: Bool, owner: MemberID?) {
        self.init(
            shard: shard, checkpoint: place.checkpoint, isDepleted: isDepleted,
            position: isDepleted ? nil : place.text, owner: owner)
    }
}

extension ShardRecord.Place {
    /// Where reading goes on, in the service's words; nil where only `initialPositionInStream` says it.
    var text: String? {
        switch self {
        case .behind(let checkpoint): "\(ReadPosition(behind: checkpoint, initial: .trimHorizon))"
        case .since(let moment): "\(StartingPosition.atTimestamp(moment))"
        case .initial, .unreadable: nil
        }
    }
}
