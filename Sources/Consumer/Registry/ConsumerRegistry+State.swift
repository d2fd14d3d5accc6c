import Logging
import State

/// What becomes of consumers when SQLite is in trouble: groups that are shared go on with their items alone.
extension ConsumerRegistry {
    /// Where checkpoints of every consumer of this process can be stored.
    package var storage: CheckpointStorage {
        guard let group = context.group else {
            return CheckpointStorage(context.state.health, isShared: false, item: nil)
        }
        let items = consumers.values.sorted { $0.key < $1.key }.lazy.compactMap { $0.group?.obstacle }
        return CheckpointStorage(context.state.health, isShared: true, item: group.obstacle ?? items.first)
    }

    func watchState() {
        context.state.onHealthChange = { [weak self] in self?.stateChanged() }
        if context.state.health != .writable { stateChanged() }
    }

    private func stateChanged() {
        guard context.group != nil else { return }
        if case .failed(let reason, _) = context.state.health {
            logger.error(
                "groups go on with DynamoDB alone: acknowledgements are answered once it has them; Last-Event-ID and unreadBytes are off",
                metadata: ["error": "\(reason)"])
        } else {
            logger.notice("groups are kept on this host again: Last-Event-ID and unreadBytes are on")
        }
        for consumer in consumers.values { consumer.session?.stateChanged() }
    }
}
