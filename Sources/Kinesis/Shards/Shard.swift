/// One shard of a stream as ListShards tells it.
package struct Shard: Hashable, Sendable {
    package let id: ShardID
    /// The shard that this one came from, by a split or as the first of a merge.
    package let parent: ShardID?
    /// A merge's second parent.
    package let adjacentParent: ShardID?
    package let hashKeyRange: HashKeyRange
    package let startingSequenceNumber: SequenceNumber
    /// nil while the shard is open.
    package let endingSequenceNumber: SequenceNumber?

    package init(
        id: ShardID, parent: ShardID? = nil, adjacentParent: ShardID? = nil, hashKeyRange: HashKeyRange,
        startingSequenceNumber: SequenceNumber, endingSequenceNumber: SequenceNumber? = nil
    ) {
        self.id = id
        self.parent = parent
        self.adjacentParent = adjacentParent
        self.hashKeyRange = hashKeyRange
        self.startingSequenceNumber = startingSequenceNumber
        self.endingSequenceNumber = endingSequenceNumber
    }

    package var parents: [ShardID] { [parent, adjacentParent].compactMap(\.self) }
    package var isOpen: Bool { endingSequenceNumber == nil }
}

/// A shard that continues one whose end was reached, as GetRecords tells it there.
package struct ChildShard: Hashable, Sendable {
    package let id: ShardID
    package let parents: [ShardID]
    package let hashKeyRange: HashKeyRange

    package init(id: ShardID, parents: [ShardID], hashKeyRange: HashKeyRange) {
        self.id = id
        self.parents = parents
        self.hashKeyRange = hashKeyRange
    }
}
