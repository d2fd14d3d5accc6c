import AWS
import Bytes
import Kinesis
import Reactor
import S3

/// One large item on its way to a record. Confined to its loop.
///
/// It takes room in the budget before it is asked for: any that is left, which is then made as large as the item. So items that
/// are needed may together take more than `maxBufferedBytes`, by `ItemStore.parallel` of them at most. One that is fetched ahead
/// takes none that is not there (`ItemReading.fits`), and is asked for once: what fails is asked for again when it is needed.
final class ItemFetch: @unchecked Sendable {
    /// What it has come to; stays on the loop.
    enum Ending: @unchecked Sendable {
        case outcome(ItemOutcome, Loan?)
        /// Others hold all the room.
        case noRoom
        case cancelled
    }

    private enum State {
        /// Nobody has asked for it.
        case idle
        case ahead(Task<Result<ByteBuffer, ItemFailure>, Never>, Loan)
        case needed(Task<Ending, Never>)
        case cancelled
    }

    /// How long it waits for room. Whoever waits holds a response, and two of those may wait for each other.
    static let patienceForRoom: Duration = .seconds(5)

    let pointer: ItemPointer
    private let items: ItemReading
    private let budget: SharedBudget
    private let loop: EventLoop
    private var state = State.idle
    /// Whether its record waits for it.
    private var isNeeded = false
    /// What it takes of the budget while it is on its way.
    private var loan: Loan?
    /// The item's size, where it is too large.
    private var excess: Int?

    init(_ pointer: ItemPointer, _ items: ItemReading, _ context: EngineContext) {
        self.pointer = pointer
        self.items = items
        budget = context.budget
        loop = context.loop
    }

    /// Asks for it before it is needed, unless it is asked for. Returns whether it is.
    func startAhead() -> Bool {
        switch state {
        case .idle: break
        case .ahead, .needed: return true
        case .cancelled: return false
        }
        guard let bucket = try? bucket(), let loan = items.roomAhead(budget) else { return false }
        let task = items.store.getAhead(pointer.key, in: bucket) { [weak self] in self?.takes($0) ?? false }
        guard let task else { return false }
        self.loan = loan
        state = .ahead(task, loan)
        return true
    }

    /// What it comes to, now that its record needs it; once.
    func run() async -> Ending {
        isNeeded = true
        if case .ahead(let task, let loan) = state {
            let result = await task.value
            if case .cancelled = state { return .cancelled }
            if let ending = ending(ahead: result, loan) { return ending }
            self.loan = nil
            state = .idle
        }
        guard case .idle = state else { return .cancelled }
        let task = Task(executorPreference: loop) { await self.fetch() }
        state = .needed(task)
        return await task.value
    }

    /// Ends it; what it holds is given back.
    func cancel() {
        switch state {
        case .idle, .cancelled: break
        case .ahead(let task, _): task.cancel()
        case .needed(let task): task.cancel()
        }
        state = .cancelled
        loan = nil
    }

    /// Bytes of the budget that it holds.
    var heldBytes: Int { loan?.bytes ?? 0 }

    private func fetch() async -> Ending {
        do throws(DataError) {
            let bucket = try bucket()
            guard let loan = await room() else { return Task.isCancelled ? .cancelled : .noRoom }
            self.loan = loan
            return await get(from: bucket, loan)
        } catch {
            items.store.passOver()
            return .outcome(.unavailable(error), nil)
        }
    }

    private func get(from bucket: BucketName, _ loan: Loan) async -> Ending {
        do throws(ItemFailure) {
            let bytes = try await items.store.get(pointer.key, in: bucket) { [weak self] in
                self?.takes($0) ?? false
            }
            return got(bytes, loan)
        } catch {
            return ending(error)
        }
    }

    private func got(_ bytes: ByteBuffer, _ loan: Loan) -> Ending {
        loan.resize(to: bytes.count)
        self.loan = nil
        return .outcome(.content(bytes), loan)
    }

    private func bucket() throws(DataError) -> BucketName {
        guard let bucket = BucketName(pointer.bucket) else {
            throw .item(.badPointer, detail: "\"\(pointer.bucket.prefix(100))\" is not the name of a bucket.")
        }
        guard items.store.allowed.contains(bucket) else {
            throw .item(
                .notAllowed,
                detail: "\(place) was not asked for: its bucket is not in s3.allowedBuckets (\(items.store.allowed)).")
        }
        return bucket
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
        guard let loan else { return false }
        if isNeeded {
            loan.resize(to: bytes)
            return true
        }
        return items.fits(loan, bytes, budget)
    }

    // MARK: Endings

    /// Nil: it is to be asked for again.
    private func ending(ahead result: Result<ByteBuffer, ItemFailure>, _ loan: Loan) -> Ending? {
        switch result {
        case .success(let bytes): return got(bytes, loan)
        // There was no room for it.
        case .failure(.cancelled) where excess == nil: return nil
        case .failure(.givenUp): return nil
        case .failure(let failure): return ending(failure)
        }
    }

    private func ending(_ failure: ItemFailure) -> Ending {
        loan = nil
        if let excess {
            return .unavailable(
                .tooLarge,
                "The item has \(excess) bytes or more; at most \(items.largest) are taken (maxBufferedBytes).")
        }
        switch failure {
        case .cancelled: return .cancelled
        case .givenUp(let given): return .unavailable(.failed, "\(place) cannot be read: \(given.text).")
        case .refused(.transport(.responseTooLarge(let limit, _))):
            return .unavailable(.tooLarge, "The item has more than \(limit) bytes.")
        case .refused(.service(let service)) where service.status == 404:
            return .unavailable(.gone, "\(place) is gone: \(service).")
        case .refused(.service(let service)) where service.disposition == .denied:
            return .unavailable(.denied, "\(place) cannot be read: \(service).")
        case .refused(let error): return .unavailable(.failed, "\(place) cannot be read: \(error).")
        }
    }

    private var place: String { "s3://\(pointer.bucket)/\(pointer.key)" }
}

extension BucketCircuit.GivenUp {
    fileprivate var text: String {
        let seconds = "\(lasted.components.seconds) s"
        return attempts == 0
            ? "its bucket has failed for \(seconds), and was not asked again: \(error)"
            : "\(error), after \(seconds)"
    }
}

extension ItemFetch.Ending {
    fileprivate static func unavailable(_ fault: DataError.ItemFault, _ detail: String) -> Self {
        .outcome(.unavailable(.item(fault, detail: detail)), nil)
    }
}
