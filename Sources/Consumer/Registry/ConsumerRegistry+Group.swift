import AWS
import State

/// What the groups' table keeps of groups that are to be forgotten.
extension ConsumerRegistry {
    /// The group's item, which no other member uses; nil: there is none, or groups are this process's own.
    func unusedItem(of key: ConsumerKey) async throws(ConsumerError) -> GroupItem? {
        guard let group = context.group else { return nil }
        do throws(AWSError) {
            guard let found = try await group.table.read(key, isConsistent: true) else { return nil }
            let item = GroupItem(found, place: .shared)
            let now = group.serviceTime()
            let isUsed = item.members.values.contains { member in
                let patience = member.leaseDuration ?? Sightings.lifionHeartbeat
                guard member.id != group.name.current, member.isActive, let heartbeat = member.heartbeat else {
                    return false
                }
                return now < heartbeat.advanced(by: patience)
            }
            if !isUsed { return item }
        } catch { throw .group(error.description) }
        throw .hasReaders
    }

    /// Deletes an item, unless somebody has made it anew meanwhile.
    func delete(_ item: GroupItem?, of key: ConsumerKey) async throws(ConsumerError) -> Bool {
        guard let item, let group = context.group else { return false }
        do throws(AWSError) { return try await group.table.delete(key, if: item.deleteConditions) } catch {
            throw .group(error.description)
        }
    }
}
