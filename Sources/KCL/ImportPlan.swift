import Kinesis
import State
import Time

/// What becomes of each shard of a stream when a consumer group goes on where an application of the KCL has stopped.
/// Performs no I/O.
///
/// Facts in: the leases, the shards as the service lists them, where the group stands by now. Out: a row for each shard.
package struct ImportPlan: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        /// Reading goes on here.
        case goesOn(ShardRecord.Place)
        /// Nothing of it is to be read any more, and why.
        case finished(Reason)
        /// At LATEST, which is another moment at each import: where the group has a place it goes on there, or what has come
        /// since would be passed over.
        case stays(Standing)
        /// The application did not know it: it stays as the group has it, and of a new group it is begun where
        /// `initialPositionInStream` says.
        case unknown
        /// The stream has no such shard any more.
        case gone

        package enum Reason: Equatable, Sendable {
            /// SHARD_END.
            case readToEnd
            /// The application has begun its descendants: it has read the shard and deleted its lease.
            case hasDescendants
            /// At LATEST, and closed: nothing comes into it.
            case closedAtLatest
        }

        /// What is written of it; nil: nothing.
        package var standing: Standing? {
            switch self {
            case .goesOn(let place): Standing(place: place, isDepleted: false)
            case .finished: Standing(place: .initial, isDepleted: true)
            case .stays(let held): held
            case .unknown, .gone: nil
            }
        }
    }

    /// How the group stands in a shard.
    package struct Standing: Equatable, Sendable {
        package let place: ShardRecord.Place
        package let isDepleted: Bool

        package init(place: ShardRecord.Place, isDepleted: Bool) {
            self.place = place
            self.isDepleted = isDepleted
        }

        /// Whether it says where reading goes on.
        var saysSomething: Bool { isDepleted || place != .initial }

        /// Whether a sidecar can go on there: an unreadable place says something, and not that.
        var isUsable: Bool { isDepleted || !place.saysNothing }

        /// Whether reading goes on alike. Of a shard that is read to its end the place does not matter.
        func isSame(as other: Standing) -> Bool {
            isDepleted == other.isDepleted && (isDepleted || place == other.place)
        }
    }

    package struct Row: Equatable, Sendable {
        package let shard: ShardID
        /// nil: the table has none of it.
        package let lease: KCLLease?
        package let outcome: Outcome
        /// How the group stands; nil: it says nothing of the shard.
        package let held: Standing?

        /// Whether the group has a place of its own there, which is given up.
        package var isLoss: Bool {
            guard let held, let standing = outcome.standing else { return false }
            return !held.isSame(as: standing)
        }
    }

    package enum Refusal: Error, Hashable, Sendable {
        /// None of the leases is of a shard of the stream.
        case otherStream([ShardID])
        /// No record of the shard can have the number: the leases are of another stream, or of an earlier one of this name.
        case otherNumbers(ShardID, SequenceNumber)
        /// These leases stand at a moment that only the application's configuration says.
        case momentMissing([ShardID])
    }

    /// By the names of the shards.
    package let rows: [Row]

    /// - Parameters:
    ///   - shards: all that the service lists.
    ///   - held: where the group stands.
    ///   - createdOn: when the stream was made: nothing is older.
    ///   - now: by the clock whose times are stored.
    ///   - moment: at which leases stand that say AT_TIMESTAMP; nil: nobody has said it.
    package init(
        _ table: LeaseTable, shards: [Shard], held: [ShardID: Standing], createdOn: WallTime, now: WallTime,
        moment: WallTime?
    ) throws(Refusal) {
        let leases = table.leases
        let listed = Dictionary(shards.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        let lineage = Lineage(leases, shards)
        guard leases.keys.contains(where: { listed[$0] != nil }) else { throw .otherStream(leases.keys.sorted()) }
        let withoutMoment = leases.values.filter { $0.position == .atTimestamp && listed[$0.shard] != nil }
        if moment == nil, !withoutMoment.isEmpty { throw .momentMissing(withoutMoment.map(\.shard).sorted()) }

        func outcome(_ shard: Shard) throws(Refusal) -> Outcome {
            guard let lease = leases[shard.id] else {
                if lineage.isRead(shard.id) { return .finished(.hasDescendants) }
                // The application would begin it at its first record, once its parents were read.
                return lineage.isRelated(shard.id) ? .goesOn(.since(createdOn)) : .unknown
            }
            switch lease.position {
            case .trimHorizon: return .goesOn(.since(createdOn))
            case .latest:
                if let held = held[shard.id], held.isUsable { return .stays(held) }
                return shard.isOpen ? .goesOn(.since(now)) : .finished(.closedAtLatest)
            case .atTimestamp: return .goesOn(.since(moment ?? createdOn))
            case .shardEnd: return .finished(.readToEnd)
            case .record(let number, let subSequenceNumber):
                guard shard.mayHave(number) else { throw .otherNumbers(shard.id, number) }
                return .goesOn(.behind(Checkpoint(sequenceNumber: number, subSequenceNumber: subSequenceNumber)))
            }
        }
        var rows: [Row] = []
        for id in Set(listed.keys).union(leases.keys).sorted() {
            let outcome = if let shard = listed[id] { try outcome(shard) } else { Outcome.gone }
            let standing = held[id].flatMap { $0.saysSomething ? $0 : nil }
            rows.append(Row(shard: id, lease: leases[id], outcome: outcome, held: standing))
        }
        self.rows = rows
    }

    /// Shards whose place in the group is given up.
    package var losses: [Row] { rows.filter(\.isLoss) }

    /// Whether the group stands already where it would be put.
    package var isDone: Bool {
        rows.allSatisfy { row in row.outcome.standing.map { row.held?.isSame(as: $0) ?? false } ?? true }
    }

    /// Leases whose application has prepared a checkpoint and not made it: reading goes on at the one that was made.
    package var withPendingCheckpoint: [KCLLease] { rows.compactMap(\.lease).filter { $0.pendingCheckpoint != nil } }
}

/// What the leases tell of shards without one.
private struct Lineage {
    /// Shards from which those have come that the application has begun.
    private let read: Set<ShardID>
    /// Shards that stand before or behind those with leases.
    private let related: Set<ShardID>

    init(_ leases: [ShardID: KCLLease], _ shards: [Shard]) {
        // The leases know the parents of shards too that the service lists no more.
        var parents = leases.mapValues(\.parents)
        for shard in shards { parents[shard.id] = shard.parents }
        var children: [ShardID: [ShardID]] = [:]
        for (id, parents) in parents { for parent in parents { children[parent, default: []].append(id) } }
        read = Self.reached(from: leases.values.filter { $0.position != .trimHorizon }.map(\.shard), parents)
        let ancestors = Self.reached(from: leases.keys, parents)
        related = ancestors.union(Self.reached(from: ancestors.union(leases.keys), children))
    }

    /// Whether the application has read the shard: it begins a shard once all parents are at SHARD_END, and deletes a lease
    /// once all children have begun. A lease at TRIM_HORIZON says nothing: of a merge it is there as soon as one of the parents
    /// has ended, when the other one may not even have a lease.
    func isRead(_ shard: ShardID) -> Bool { read.contains(shard) }

    func isRelated(_ shard: ShardID) -> Bool { related.contains(shard) }

    private static func reached(from shards: some Sequence<ShardID>, _ next: [ShardID: [ShardID]]) -> Set<ShardID> {
        var found: Set<ShardID> = []
        var left = Array(shards)
        while let id = left.popLast() {
            for other in next[id] ?? [] where found.insert(other).inserted { left.append(other) }
        }
        return found
    }
}

extension Shard {
    /// Whether a record of the shard may have the number.
    fileprivate func mayHave(_ number: SequenceNumber) -> Bool {
        number >= startingSequenceNumber && endingSequenceNumber.map { number <= $0 } ?? true
    }
}
