import Kinesis

/// What becomes of the shards that this process leases in its group.
extension Consumer: GroupKeeper.Delegate {
    func leasesChanged() { session?.takeReadable() }

    func leasesRenewed() { session?.leasesRenewed() }

    func giveUp(_ shard: ShardID) {
        if let session { session.giveUp(shard) } else { group?.note(.settled, of: shard) }
    }

    func leaseLost(_ shard: ShardID) { session?.leaseLost(shard) }

    func wasSought(_ shards: Set<ShardID>) { scope.sent.forget(shards) }

    func sought(_ shards: [ShardID]) {
        scope.sent.forget(Set(shards))
        session?.sought(shards)
    }

    func groupIsAhead() { session?.lookAgain() }
}
