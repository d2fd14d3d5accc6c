import AWS
import Bytes
import Kinesis
import Reactor
import S3

/// One large item on its way to a record. Confined to its loop.
///
/// It takes room in the budget before it is asked for: any that is left, which is then made as large as the item. So items that
/// are on their way may together take more than `maxBufferedBytes`, by `ItemStore.parallel` of them at most.
final class ItemFetch: @unchecked Sendable {
    /// What it has come to; stays on the loop.
    enum Ending: @unchecked Sendable {
        case outcome(ItemOutcome, Loan?)
        /// Others hold all the room.
        case noRoom
        case cancelled
    }

    /// How long it waits for room. Whoever waits holds a response, and two of those may wait for each other.
    static let patienceForRoom: Duration = .seconds(5)

    private let pointer: ItemPointer
    private let items: ItemReading
    private let budget: SharedBudget
    private let loop: EventLoop
    private var loan: Loan?
    /// The item's size, where it is too large.
    private var excess: Int?
    private var task: Task<Ending, Never>?

    init(_ pointer: ItemPointer, _ items: ItemReading, _ context: EngineContext) {
        self.pointer = pointer
        self.items = items
        budget = context.budget
        loop = context.loop
    }

    /// Fetches; once.
    func run() async -> Ending {
        let task = Task(executorPreference: loop) { await self.fetch() }
        self.task = task
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    func cancel() { task?.cancel() }

    private func fetch() async -> Ending {
        guard let bucket = BucketName(pointer.bucket) else {
            return .unavailable(.badPointer, "\"\(pointer.bucket.prefix(100))\" is not the name of a bucket.")
        }
        guard let loan = await room() else { return Task.isCancelled ? .cancelled : .noRoom }
        self.loan = loan
        do throws(AWSError) {
            let bytes = try await items.store.get(pointer.key, in: bucket) { [weak self] in
                self?.takes($0) ?? false
            }
            loan.resize(to: bytes.count)
            return .outcome(.content(bytes), loan)
        } catch {
            return ending(error)
        }
    }

    private func room() async -> Loan? {
        let news = Gate(loop: loop)
        var granted: Loan?
        let ticket = budget.request(1, least: 1, for: items.holder) {
            granted = $0
            news.open()
        }
        if granted == nil { try? await news.wait(until: loop.now + Self.patienceForRoom) }
        if granted == nil { budget.withdraw(ticket) }
        return granted
    }

    private func takes(_ bytes: Int) -> Bool {
        guard bytes <= items.largest else {
            excess = bytes
            return false
        }
        loan?.resize(to: bytes)
        return true
    }

    private func ending(_ error: AWSError) -> Ending {
        if let excess {
            return .unavailable(
                .tooLarge,
                "The item has \(excess) bytes or more; at most \(items.largest) are taken (maxBufferedBytes).")
        }
        switch error {
        case .cancelled: return .cancelled
        case .transport(.responseTooLarge(let limit, _)):
            return .unavailable(.tooLarge, "The item has more than \(limit) bytes.")
        case .service(let service) where service.status == 404:
            return .unavailable(.gone, "\(place) is gone: \(error).")
        case .service(let service) where service.disposition == .denied:
            return .unavailable(.denied, "\(place) cannot be read: \(error).")
        default: return .unavailable(.failed, "\(place) cannot be read: \(error).")
        }
    }

    private var place: String { "s3://\(pointer.bucket)/\(pointer.key)" }
}

extension ItemFetch.Ending {
    fileprivate static func unavailable(_ fault: DataError.ItemFault, _ detail: String) -> Self {
        .outcome(.unavailable(.item(fault, detail: detail)), nil)
    }
}
