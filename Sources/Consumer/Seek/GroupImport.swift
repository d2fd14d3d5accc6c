import AWS
import DynamoDB
import Kinesis
import State
import Time

/// Puts a group where another program has left its stream, by whoever has made sure that nobody reads for the group.
///
/// It is a seek of each shard to a place of its own: what was sent of a shard before counts for nothing, and shards that
/// have no place in it stay as they are.
package struct GroupImport: Sendable {
    private let key: ConsumerKey
    private let streamCreatedOn: WallTime
    private let listing: [Shard]
    private let id = SeekID(Consumer.newID())

    /// - Parameter listing: all shards that the service has.
    package init(_ key: ConsumerKey, streamCreatedOn: WallTime, listing: [Shard]) {
        self.key = key
        self.streamCreatedOn = streamCreatedOn
        self.listing = listing
    }

    // MARK: A sidecar alone

    /// Where the group stands by what this host keeps.
    package func standing(in store: StateStore) async throws(ConsumerError) -> [ShardID: LocalShard] {
        standing(in: try await book(in: store))
    }

    /// Puts the places into the store. Returns once they are committed; throws without having moved anything.
    package func put(_ places: [ShardID: SoughtPlace], into store: StateStore) async throws(ConsumerError) {
        var book = try await book(in: store)
        _ = book.update(listing)
        let standings = standing(in: book).mapValues {
            SeekPlan.Standing(place: $0.place, isDepleted: $0.isDepleted, holder: .us)
        }
        let plan: SeekPlan
        do throws(SeekPlan.Refusal) {
            plan = try SeekPlan(
                SeekRequest(.places(places)), listing: listing, standings: standings, createdOn: streamCreatedOn,
                now: .now())
        } catch { throw ConsumerError(error) }
        _ = book.seek(plan.moves, id)
        do throws(StateError) { try await store.begin(key, book.state) } catch { throw .state(error) }
    }

    /// What is kept of the group, or of a group that begins.
    private func book(in store: StateStore) async throws(ConsumerError) -> ShardBook {
        let kept: ConsumerState?
        do throws(StateError) { kept = try await store.load(key) } catch { throw .state(error) }
        // The option of its readers is not known here: nothing is to be taken for what it would mean.
        if let kept, kept.streamCreatedOn == streamCreatedOn { return ShardBook(kept, from: .trimHorizon) }
        return ShardBook(
            begunAt: nil, of: listing, createdOn: streamCreatedOn, from: .trimHorizon, isNewStream: false)
    }

    private func standing(in book: ShardBook) -> [ShardID: LocalShard] {
        let known = book.shards.compactMap { shard in book.local(shard.id).map { (shard.id, $0) } }
        return Dictionary(uniqueKeysWithValues: known)
    }

    // MARK: A shared group

    /// Where the group stands by its item; nil: there is none, or it is an earlier stream's.
    package func standing(in item: Item?) -> [ShardID: LocalShard]? {
        guard let item else { return nil }
        let group = GroupItem(item, place: .shared)
        guard group.streamCreatedOn == streamCreatedOn.iso8601 else { return nil }
        return group.shards.mapValues { LocalShard(place: $0.place, isDepleted: $0.isDepleted, run: nil) }
    }

    /// Puts the places into the group's item, which is made where there is none, and anew where it is an earlier stream's.
    /// A stream whose shards take several writes may have been moved in part when it throws: it can be repeated.
    /// - Parameter now: by the loop's clock.
    package func put(
        _ places: [ShardID: SoughtPlace], into context: GroupContext, now: ContinuousClock.Instant
    ) async throws(ConsumerError) {
        try await makeItem(in: context)
        let seek = GroupSeek(
            request: SeekRequest(.places(places)), id: id, key: key, listing: listing, streamCreatedOn: streamCreatedOn,
            context: context, member: nil, subscribes: false)
        _ = try await seek.perform(now: now)
    }

    private func makeItem(in context: GroupContext) async throws(ConsumerError) {
        do throws(AWSError) {
            if let found = try await context.table.read(key, isConsistent: true) {
                let group = GroupItem(found, place: .shared)
                if group.streamCreatedOn == streamCreatedOn.iso8601 { return }
                _ = try await context.table.delete(key, if: group.deleteConditions)
            }
            let item = GroupItem.new(key, streamCreatedOn: streamCreatedOn, version: MemberRun(id.text).version(0))
            _ = try await context.table.create(key, item)
        } catch { throw .group(error.description) }
    }
}
