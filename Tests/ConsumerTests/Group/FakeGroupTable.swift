import AWS
import DynamoDB
import Reactor
import State
import Testing
import Time

@testable import Consumer

/// A table of groups' items in memory. Confined to its loop.
final class FakeGroupTable: GroupTable, TableReadiness, @unchecked Sendable {
    private(set) var items: [ConsumerKey: FakeItem] = [:]
    /// What every request fails with; nil: none does.
    var failure: AWSError?
    private(set) var writes = 0
    /// Whether writes take place and their answers stay on the way.
    var holdsAnswers = false { didSet { if !holdsAnswers { answers.open() } } }
    private(set) var heldAnswers = 0
    private let answers: Gate

    init(_ loop: EventLoop) { answers = Gate(loop: loop) }

    func read(_ key: ConsumerKey, isConsistent: Bool) async throws(AWSError) -> Item? {
        try fail()
        return items[key]?.item
    }

    func create(_ key: ConsumerKey, _ item: Item) async throws(AWSError) -> Bool {
        try fail()
        guard items[key] == nil else { return false }
        items[key] = FakeItem(item)
        return true
    }

    func write(_ key: ConsumerKey, _ update: ItemUpdate) async throws(AWSError) -> ItemWrite {
        try fail()
        writes += 1
        guard items[key] != nil else { return .conditionFailed(nil) }
        switch items[key]!.apply(update) {
        case .done:
            if holdsAnswers {
                heldAnswers += 1
                do { try await answers.wait(while: { holdsAnswers }) } catch { throw .cancelled }
            }
            return .done(items[key]!.item)
        case .conditionFailed: return .conditionFailed(items[key]!.item)
        case .invalid:
            throw .service(ServiceError(code: "ValidationException", message: "a path is not there", status: 400))
        }
    }

    func delete(_ key: ConsumerKey, if conditions: [ItemCondition]) async throws(AWSError) -> Bool {
        try fail()
        guard items[key]?.holds(conditions) ?? false else { return false }
        items[key] = nil
        return true
    }

    /// The item as its members see it.
    func item(_ key: ConsumerKey) -> GroupItem? { items[key].map { GroupItem($0.item, place: .shared) } }

    /// Somebody edits the item.
    func write(_ key: ConsumerKey, _ path: AttributePath, _ value: AttributeValue) {
        var update = ItemUpdate()
        update.set(path, value)
        #expect(items[key]?.apply(update) == .done)
    }

    /// Somebody deletes the item.
    func drop(_ key: ConsumerKey) { items[key] = nil }

    private func fail() throws(AWSError) { if let failure { throw failure } }

    // MARK: TableReadiness

    var state: TableState { .ready(untagged: nil) }
    func ready() async throws(CancellationError) {}

    /// A member of the groups in this table. Its wall clock goes as the loop's time does.
    func context(_ id: String, pid: Int = 1, _ loop: EventLoop) -> GroupContext {
        let (start, wall) = (loop.clock, WallTime.now())
        return GroupContext(
            table: self, readiness: self, serviceTime: { wall.advanced(by: loop.clock - start) },
            name: MemberName(MemberID(id), another: { MemberID(id + "'") }),
            appName: "app", host: "host-\(id)", pid: pid, startedOn: wall)
    }
}
