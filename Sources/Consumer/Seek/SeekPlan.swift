import Kinesis
import State
import Time

/// What becomes of each shard when a consumer's reading is put elsewhere. Performs no I/O.
///
/// Facts in: the shards as the service lists them, where each stands, who reads it. Out: the moves, or why there are none.
/// A shard that is read from an earlier place on is read before its descendants again. At LATEST a closed shard has nothing
/// to come: it counts as read to its end, so that its children are not held up.
struct SeekPlan: Equatable, Sendable {
    /// Who reads a shard now.
    enum Holder: Equatable, Sendable {
        /// Nobody, or a member whose lease is over.
        case nobody
        /// This member of the group, or this process alone.
        case us
        /// Another member, which sees soon that its lease is gone.
        case other
        /// A lifion-kinesis process, or a member that was not heard of lately: it would read on.
        case unreachable(MemberID, host: String)
    }

    /// How one shard stands.
    struct Standing: Equatable, Sendable {
        var place: ShardRecord.Place
        var isDepleted: Bool
        var holder: Holder
    }

    /// What is written of one shard.
    struct Move: Equatable, Sendable {
        let shard: ShardID
        /// As it stood; nil: nothing was kept of it.
        let from: Standing?
        let place: ShardRecord.Place
        let isDepleted: Bool
        /// Whether its lease is taken away.
        let isReleased: Bool
        /// The place in the service's words.
        let start: StartingPosition
    }

    enum Refusal: Error, Equatable, Sendable {
        case unknownShard(ShardID)
        case stillToCome(WallTime)
        case held([HeldShard])
    }

    /// By the names of the shards.
    let moves: [Move]

    /// - Parameters:
    ///   - listing: all shards that the service has.
    ///   - createdOn: when the stream was made: nothing is older.
    ///   - now: by the clock whose times are stored.
    init(
        _ request: SeekRequest, listing: [Shard], standings: [ShardID: Standing], createdOn: WallTime, now: WallTime
    ) throws(Refusal) {
        if case .moment(let moment) = request.target, moment > now { throw .stillToCome(moment) }
        if let shard = request.shard, !listing.contains(where: { $0.id == shard }) { throw .unknownShard(shard) }
        let targets = Self.targets(request, listing, createdOn: createdOn, now: now).filter { id, target in
            !(target.isDepleted && standings[id]?.isDepleted ?? false)
        }
        let held = targets.keys.compactMap { standings[$0]?.heldElsewhere($0) }
        guard held.isEmpty else { throw .held(held.sorted { $0.shard < $1.shard }) }
        let depleted = Set(
            listing.map(\.id).filter { targets[$0]?.isDepleted ?? standings[$0]?.isDepleted ?? false })
        let lineage = ShardLineage(shards: listing, depleted: depleted)
        moves = targets.sorted { $0.key < $1.key }.map { id, target in
            let holder = standings[id]?.holder ?? .nobody
            return Move(
                shard: id, from: standings[id], place: target.place, isDepleted: target.isDepleted,
                // What waits for its parents is nobody's until they are read.
                isReleased: holder != .us || !lineage.isReadable(id), start: target.start)
        }
    }

    // MARK: Targets

    private struct Target {
        let place: ShardRecord.Place
        let start: StartingPosition
        var isDepleted = false

        init(place: ShardRecord.Place, start: StartingPosition, isDepleted: Bool = false) {
            self.place = place
            self.start = start
            self.isDepleted = isDepleted
        }

        init(_ place: SoughtPlace) {
            switch place {
            case .behind(let checkpoint):
                let position = ReadPosition(behind: checkpoint, initial: .trimHorizon)
                self.init(place: .behind(checkpoint), start: position.start)
            case .since(let moment): self.init(place: .since(moment), start: .atTimestamp(moment))
            case .finished: self.init(place: .initial, start: .latest, isDepleted: true)
            }
        }
    }

    private static func targets(
        _ request: SeekRequest, _ listing: [Shard], createdOn: WallTime, now: WallTime
    ) -> [ShardID: Target] {
        func target(of shard: Shard) -> Target? {
            switch request.target {
            // A moment before the oldest record is the oldest record. Source: GetShardIterator in the service's API reference.
            case .trimHorizon: Target(place: .since(createdOn), start: .trimHorizon)
            case .latest: Target(place: .since(now), start: .latest, isDepleted: !shard.isOpen)
            case .moment(let moment): Target(place: .since(moment), start: .atTimestamp(moment))
            case .record(let number, _):
                Target(place: .behind(Checkpoint(before: number)), start: .atSequenceNumber(number))
            case .places(let places): places[shard.id].map(Target.init)
            }
        }
        guard let only = request.shard, let shard = listing.first(where: { $0.id == only }) else {
            let targets = listing.compactMap { shard in target(of: shard).map { (shard.id, $0) } }
            return Dictionary(uniqueKeysWithValues: targets)
        }
        guard let own = target(of: shard) else { return [:] }
        var targets = [only: own]
        guard !own.isDepleted else { return targets }
        let beginning = Target(place: .since(createdOn), start: .trimHorizon)
        for id in listing.descendants(of: only) { targets[id] = beginning }
        return targets
    }
}

extension SeekPlan.Standing {
    fileprivate func heldElsewhere(_ shard: ShardID) -> HeldShard? {
        guard case .unreachable(let owner, let host) = holder else { return nil }
        return HeldShard(shard: shard, owner: owner, host: host)
    }

    /// Where reading goes on, in the service's words; nil where only `initialPositionInStream` says it.
    var text: String? { isDepleted ? "DEPLETED" : place.text }
}

extension [Shard] {
    /// All shards that go on where this one ends, and where those end.
    fileprivate func descendants(of ancestor: ShardID) -> Set<ShardID> {
        var found: Set<ShardID> = []
        var left = [ancestor]
        while let id = left.popLast() {
            for shard in self where shard.parents.contains(id) && found.insert(shard.id).inserted {
                left.append(shard.id)
            }
        }
        return found
    }
}
