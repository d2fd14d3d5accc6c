import DynamoDB
import Kinesis
import Time

/// A shard's record in the group's item: who reads it, and how far it is. Performs no I/O.
package struct ShardRecord: Equatable, Sendable {
    /// Who may read the shard, until when.
    package struct Lease: Equatable, Sendable {
        package var owner: MemberID
        /// By the owner's clock; nil: it does not end while the owner is in the group.
        package var expiration: WallTime?

        package init(owner: MemberID, expiration: WallTime?) {
            self.owner = owner
            self.expiration = expiration
        }
    }

    package let id: ShardID
    package var checkpoint: Checkpoint?
    /// Read to its end. Its lease stays.
    package var isDepleted: Bool
    package var lease: Lease?
    /// The first parent, while the service listed it.
    package var parent: ShardID?
    /// Changes with every write; what is compared to see that nobody else wrote.
    package var version: String
    /// The moment from which the shard is read while it has no checkpoint, where that is known.
    package var since: WallTime?
    /// `sidecar` as it is, with members that this version does not know.
    fileprivate var note: Item

    package init(
        id: ShardID, checkpoint: Checkpoint? = nil, isDepleted: Bool = false, lease: Lease? = nil,
        parent: ShardID? = nil, version: String, since: WallTime? = nil
    ) {
        self.id = id
        self.checkpoint = checkpoint
        self.isDepleted = isDepleted
        self.lease = lease
        self.parent = parent
        self.version = version
        self.since = since
        note = [:]
    }

    /// A `checkpoint` that is no sequence number is none: the service refuses it.
    init(id: ShardID, _ record: Item) {
        self.init(id: id, version: record["version"]?.string ?? "")
        isDepleted = record["depleted"]?.bool ?? false
        parent = record["parent"]?.string.flatMap(ShardID.init)
        lease = record["leaseOwner"]?.string.map {
            Lease(owner: MemberID($0), expiration: record["leaseExpiration"]?.time)
        }
        note = record["sidecar"]?.map ?? [:]
        let number = record["checkpoint"]?.string
        let isOfCheckpoint = note["of"]?.string == number
        checkpoint = number.flatMap(SequenceNumber.init).map {
            Checkpoint(
                sequenceNumber: $0, subSequenceNumber: isOfCheckpoint ? note["sub"]?.int : nil,
                arrival: record["approximateArrivalTimestamp"]?.time)
        }
        guard number == nil, isOfCheckpoint else { return }
        since = note["since"]?.time
        checkpoint = note["before"]?.string.flatMap(SequenceNumber.init).map(Checkpoint.init(before:))
    }

    /// The record of a shard that is added.
    package var record: Item {
        var record: Item = [
            "depleted": .bool(isDepleted), "parent": .init(optional: parent?.text), "version": .string(version),
            "leaseOwner": .init(optional: lease?.owner.text),
            "leaseExpiration": .init(optional: lease?.expiration?.iso8601),
        ]
        for (name, value) in position(since: since, checkpoint) { record[name] = value }
        return record
    }

    /// The attributes that say how far the shard is, when it is as far as this: `checkpoint` as lifion-kinesis reads it,
    /// and `sidecar` where that cannot say it, or says something else of the same `checkpoint`.
    func position(since: WallTime? = nil, _ place: Checkpoint?) -> Item {
        let number = place.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber.text }
        var attributes: Item = ["checkpoint": .init(optional: number)]
        if let place { attributes["approximateArrivalTimestamp"] = .init(optional: place.arrival?.iso8601) }
        var said: Item = [:]
        said["sub"] = place?.subSequenceNumber.map { .number(String($0)) }
        if let place, place.isBeforeRecord { said["before"] = .string(place.sequenceNumber.text) }
        if number == nil { said["since"] = since.map { .string($0.iso8601) } }
        if !said.isEmpty || (!note.isEmpty && note["of"]?.string == number) {
            let unknown = note.filter { !["of", "sub", "before", "since"].contains($0.key) }
            said["of"] = .init(optional: number)
            attributes["sidecar"] = .map(unknown.merging(said) { $1 })
        }
        return attributes
    }
}
