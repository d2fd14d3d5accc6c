import AWS
import DynamoDB
import Kinesis
import State
import Time

/// One seek of a shared group: its writes to the group's item, by whoever has the right moment for them.
///
/// As many shards as fit are put elsewhere in one write, all of them or none; a stream of many shards takes several. The
/// seek's own id in a shard's record says that it was written: one of which nothing was heard is not written twice.
struct GroupSeek: Sendable {
    /// Attempts until the item is given up that changes under each of them.
    private static let attempts = 20

    let request: SeekRequest
    let id: SeekID
    let key: ConsumerKey
    let listing: [Shard]
    let streamCreatedOn: WallTime
    let context: GroupContext
    /// Whose shards are read here; nil: this process is no member.
    let member: GroupMember?
    let subscribes: Bool

    /// What has become of it, with the item as it was left.
    struct Outcome: Sendable {
        let plan: SeekPlan
        let item: Item
    }

    /// What would become of it, or has.
    /// - Parameter now: by the loop's clock.
    func perform(now: ContinuousClock.Instant) async throws(ConsumerError) -> Outcome {
        // LATEST is one moment, whatever becomes of the first attempt.
        let now = GroupMoment(instant: now, wall: context.serviceTime())
        var found = try await read()
        var first: SeekPlan?
        for _ in 0..<Self.attempts {
            let item = view(found)
            guard item.streamCreatedOn == streamCreatedOn.iso8601 else { throw .unknownGroup(key.group) }
            let plan = try plan(item, now: now)
            // What was written of it already stands elsewhere by now: what is told is how it stood before.
            let told = first ?? plan
            first = told
            guard !request.isDryRun, let update = next(of: plan, item) else { return Outcome(plan: told, item: found) }
            found = try await write(update)
        }
        throw .group("the item changes under every write")
    }

    /// The item behind the write, whether or not that has taken place.
    private func write(_ update: ItemUpdate) async throws(ConsumerError) -> Item {
        let written: ItemWrite
        do throws(AWSError) { written = try await context.table.write(key, update) } catch {
            if !error.mayHaveTakenPlace { throw .group(error.description) }
            return try await read()
        }
        switch written {
        case .done(let item), .conditionFailed(let item?): return item
        case .conditionFailed(nil): throw .unknownGroup(key.group)
        }
    }

    func read() async throws(ConsumerError) -> Item {
        if let obstacle = context.obstacle { throw .group(obstacle) }
        let found: Item?
        do throws(AWSError) { found = try await context.table.read(key, isConsistent: true) } catch {
            throw .group(error.description)
        }
        guard let found else { throw .unknownGroup(key.group) }
        return found
    }

    private func view(_ item: Item) -> GroupItem {
        GroupItem(item, place: member.map { GroupItem.place(of: $0, subscribes: subscribes, in: item) } ?? .shared)
    }

    private func plan(_ item: GroupItem, now: GroupMoment) throws(ConsumerError) -> SeekPlan {
        var sightings = Sightings()
        sightings.look(at: item, now: now.instant)
        let standings = item.shards.mapValues { record in
            SeekPlan.Standing(
                place: record.place, isDepleted: record.isDepleted,
                holder: record.seek == id ? .nobody : holder(of: record, item, sightings, now))
        }
        do throws(SeekPlan.Refusal) {
            return try SeekPlan(
                request, listing: listing, standings: standings, createdOn: streamCreatedOn, now: now.wall)
        } catch { throw ConsumerError(error) }
    }

    private func holder(of record: ShardRecord, _ item: GroupItem, _ sightings: Sightings, _ now: GroupMoment)
        -> SeekPlan.Holder
    {
        guard !record.isDepleted, let owner = sightings.owner(of: record, in: item, now: now),
            let holder = item.members[owner]
        else { return .nobody }
        if owner == member?.id { return .us }
        return holder.isReachable(now: now.wall) ? .other : .unreachable(owner, host: holder.host)
    }

    /// The next write; nil: all is written.
    private func next(of plan: SeekPlan, _ item: GroupItem) -> ItemUpdate? {
        let version = MemberRun(id.text).version(0)
        var update = GroupUpdate(item.place, by: member?.id ?? context.name.current, at: context.serviceTime())
        for move in plan.moves where item.shards[move.shard]?.seek != id {
            var longer = update
            if let record = item.shards[move.shard] {
                longer.seek(
                    record, to: move.place, isDepleted: move.isDepleted, isReleased: move.isReleased, as: id,
                    version: version)
            } else {
                longer.add(newRecord(move, version), insteadOf: item.unreadable[move.shard])
            }
            guard longer.fits || update.update.isEmpty else { break }
            update = longer
        }
        return update.update.isEmpty ? nil : update.update
    }

    private func newRecord(_ move: SeekPlan.Move, _ version: String) -> ShardRecord {
        let parent = listing.first { $0.id == move.shard }?.parent
        var record = ShardRecord(
            id: move.shard, at: move.place, isDepleted: move.isDepleted,
            parent: parent.flatMap { parent in listing.contains { $0.id == parent } ? parent : nil }, version: version)
        record.seek = id
        return record
    }
}

extension GroupMember {
    /// How much later than it is due a heartbeat may come.
    private static let patience: Duration = .seconds(10)

    /// Whether the member sees soon what others write: it is a sidecar, and was heard of lately.
    fileprivate func isReachable(now: WallTime) -> Bool {
        guard let leaseDuration, let heartbeat else { return false }
        return now <= heartbeat.advanced(by: CheckpointMirror.renewal(of: leaseDuration) + Self.patience)
    }
}

extension AWSError {
    /// Whether a request that failed so may have done what it asks for.
    var mayHaveTakenPlace: Bool {
        switch self {
        case .transport(let error): error.mayHaveBeenSent
        case .response: true
        case .service(let error): error.status >= 500
        case .credentials, .cancelled: false
        }
    }
}

extension ConsumerError {
    init(_ refusal: SeekPlan.Refusal) {
        switch refusal {
        case .unknownShard(let shard): self = .unknownShard(shard)
        case .stillToCome(let moment): self = .seekAhead(moment)
        case .held(let shards): self = .shardsHeldElsewhere(shards)
        }
    }
}
