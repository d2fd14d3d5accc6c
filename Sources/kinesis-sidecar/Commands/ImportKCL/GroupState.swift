import AWS
import Client
import Consumer
import DynamoDB
import Gateway
import Glibc
import KCL
import Kinesis
import Logging
import Reactor
import State
import Time

/// Where a sidecar with this configuration has a group's state: in its folder, or in the groups' table, beside which the
/// folder is looked at where the table has nothing. Confined to its loop.
struct GroupState {
    /// How long a table that is made may take to be there.
    private static let tablePatience = Duration.seconds(120)

    private let key: ConsumerKey
    private let loop: EventLoop
    private let groups: GroupServices?
    /// nil: there is no folder, or nothing in it that may be opened.
    private let store: StateStore?
    /// Where the state lies, for people.
    let place: String

    /// Takes the folder's lock, as a sidecar does. A dry run makes neither folder nor database.
    static func open(
        _ options: ImportOptions, _ settings: Settings, _ targets: ServiceTargets, over transport: Transport,
        on loop: EventLoop
    ) async throws(StartError) -> GroupState {
        let process = ProcessFacts.current()
        // A name of its own for this process would be kept in the folder.
        let groups = try GroupServices(settings, folder: nil, process: process, targets, over: transport)
        let needsFolder = groups == nil && !options.isDryRun
        var store: StateStore?
        if let path = settings.dataDir, needsFolder || access(path, F_OK) == 0 {
            let folder = try DataFolder(path, for: process)
            if needsFolder || access(folder.state, F_OK) == 0 {
                do throws(StateError) {
                    store = try await StateStore.open(
                        path: folder.state, loop: loop, logger: Logger(label: "state"))
                } catch { throw .failed("\(error)") }
            }
        }
        // Without a table there is a folder: ImportOptions holds the settings to it.
        let place = groups.map { "the table \($0.tableName)" } ?? "the data folder \(settings.dataDir ?? "")"
        return GroupState(key: options.key, loop: loop, groups: groups, store: store, place: place)
    }

    private init(key: ConsumerKey, loop: EventLoop, groups: GroupServices?, store: StateStore?, place: String) {
        self.key = key
        self.loop = loop
        self.groups = groups
        self.store = store
        self.place = place
    }

    func close() async {
        groups?.stop()
        await store?.close()
    }

    /// As its times are stored.
    var now: WallTime { groups?.context.serviceTime() ?? .now() }

    /// The group's item; nil: there is none, or the group is not shared.
    func item() async throws(ClientError) -> Item? {
        guard let groups else { return nil }
        do throws(AWSError) {
            return try await groups.context.table.read(key, isConsistent: true)
        } catch {
            // Without a table there are no groups yet.
            if error.disposition == .notFound { return nil }
            throw .failed("the group's item in \(place) cannot be read: \(error)")
        }
    }

    /// Where the group stands.
    func standing(_ item: Item?, _ changes: GroupImport) async throws(ClientError) -> [ShardID: ImportPlan.Standing] {
        var found = changes.standing(in: item)
        if found == nil, let store {
            do throws(ConsumerError) { found = try await changes.standing(in: store) } catch {
                throw .failed("\(error)")
            }
        }
        return (found ?? [:]).mapValues { ImportPlan.Standing(place: $0.place, isDepleted: $0.isDepleted) }
    }

    /// Throws without having changed anything, but for a stream of many shards in a table.
    func put(_ places: [ShardID: SoughtPlace], _ changes: GroupImport) async throws(ClientError) {
        do throws(ConsumerError) {
            if let groups {
                try await prepareTable(groups)
                try await changes.put(places, into: groups.context, now: loop.clock)
            } else if let store {
                try await changes.put(places, into: store)
            }
        } catch { throw .failed("\(error)") }
    }

    /// The table is there, or is made, as a sidecar's start does it.
    private func prepareTable(_ groups: GroupServices) async throws(ConsumerError) {
        groups.start()
        let deadline = loop.now + Self.tablePatience
        while !groups.context.readiness.state.isReady {
            if case .unusable = groups.context.readiness.state {
                throw .group("\(place): \(groups.context.readiness.state.problem ?? "")")
            }
            guard loop.now < deadline else { throw .group("\(place) is not ready within \(Self.tablePatience)") }
            do { try await loop.sleep(for: .milliseconds(50)) } catch { throw .cancelled }
        }
    }
}
