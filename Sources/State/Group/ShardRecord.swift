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

    /// Where reading a shard goes on.
    package enum Place: Equatable, Sendable {
        /// Behind everything that is done.
        case behind(Checkpoint)
        /// At the first record that came after this moment: nothing is done.
        case since(WallTime)
        /// Where the group begins: nothing is done, and `initialPositionInStream` says where that is.
        case initial
        /// What stands in `checkpoint` is no sequence number, which the service would refuse: somebody has edited it.
        case unreadable(AttributeValue)

        /// What is done; nil: nothing.
        package var checkpoint: Checkpoint? {
            if case .behind(let checkpoint) = self { checkpoint } else { nil }
        }

        /// Whether it tells nobody where to go on.
        package var saysNothing: Bool {
            switch self {
            case .initial, .unreadable: true
            case .behind, .since: false
            }
        }
    }

    package let id: ShardID
    package var place: Place
    /// Read to its end. Its lease stays.
    package var isDepleted: Bool
    package var lease: Lease?
    /// The first parent, while the service listed it.
    package var parent: ShardID?
    /// Changes with every write; what is compared to see that nobody else wrote.
    package var version: String
    /// `version` as it stands, whatever it is; nil: it is missing.
    let versionAttribute: AttributeValue?
    /// `sidecar` as it is, with members that this version does not know.
    fileprivate var note: Item

    package init(
        id: ShardID, at place: Place = .initial, isDepleted: Bool = false, lease: Lease? = nil, parent: ShardID? = nil,
        version: String
    ) {
        self.id = id
        self.place = place
        self.isDepleted = isDepleted
        self.lease = lease
        self.parent = parent
        self.version = version
        versionAttribute = .string(version)
        note = [:]
    }

    /// A `since` of a shard that has a checkpoint does not count.
    init(id: ShardID, _ record: Item) {
        self.id = id
        place = .initial
        version = record["version"]?.string ?? ""
        versionAttribute = record["version"]
        isDepleted = record["depleted"]?.bool ?? false
        parent = record["parent"]?.string.flatMap(ShardID.init)
        lease = record["leaseOwner"]?.string.map {
            Lease(owner: MemberID($0), expiration: record["leaseExpiration"]?.time)
        }
        note = record["sidecar"]?.map ?? [:]
        let checkpoint = record["checkpoint"] ?? .null
        let isOfCheckpoint = note["of"]?.string == checkpoint.string
        if let number = checkpoint.string.flatMap(SequenceNumber.init) {
            place = .behind(
                Checkpoint(
                    sequenceNumber: number, subSequenceNumber: isOfCheckpoint ? note["sub"]?.int : nil,
                    arrival: record["approximateArrivalTimestamp"]?.time))
        } else if checkpoint != .null {
            place = .unreadable(checkpoint)
        } else if isOfCheckpoint {
            if let before = note["before"]?.string.flatMap(SequenceNumber.init) {
                place = .behind(Checkpoint(before: before))
            } else if let since = note["since"]?.time {
                place = .since(since)
            }
        }
    }

    /// What is done of the shard; nil: nothing.
    package var checkpoint: Checkpoint? { place.checkpoint }

    /// Who has put the shard where its place began, if anybody has. It stays while the place moves on.
    package var seek: SeekID? {
        get { note["seek"]?.string.map { SeekID($0) } }
        set { note["seek"] = .init(optional: newValue?.text) }
    }

    /// The record of a shard that is added.
    package var record: Item {
        var record: Item = [
            "depleted": .bool(isDepleted), "parent": .init(optional: parent?.text), "version": .string(version),
            "leaseOwner": .init(optional: lease?.owner.text),
            "leaseExpiration": .init(optional: lease?.expiration?.iso8601),
        ]
        for (name, value) in attributes(place) { record[name] = value }
        return record
    }

    /// The attributes that say where the shard goes on: `checkpoint` as lifion-kinesis reads it, and `sidecar` where that
    /// cannot say it, or says something else of the same `checkpoint`.
    /// - Parameter withNote: `sidecar` whether or not the place needs it: something else in it is new.
    func attributes(_ place: Place, withNote: Bool = false) -> Item {
        var said: Item = [:]
        var number: String?
        var attributes: Item = [:]
        switch place {
        case .behind(let checkpoint):
            if checkpoint.isBeforeRecord {
                said["before"] = .string(checkpoint.sequenceNumber.text)
            } else {
                number = checkpoint.sequenceNumber.text
                said["sub"] = checkpoint.subSequenceNumber.map { .number(String($0)) }
            }
            attributes["approximateArrivalTimestamp"] = .init(optional: checkpoint.arrival?.iso8601)
        case .since(let moment): said["since"] = .string(moment.iso8601)
        case .initial: break
        case .unreadable(let checkpoint): return ["checkpoint": checkpoint]
        }
        attributes["checkpoint"] = .init(optional: number)
        if withNote || !said.isEmpty || (!note.isEmpty && note["of"]?.string == number) {
            let unknown = note.filter { !["of", "sub", "before", "since"].contains($0.key) }
            said["of"] = .init(optional: number)
            attributes["sidecar"] = .map(unknown.merging(said) { $1 })
        }
        return attributes
    }
}
