import Bytes
import Kinesis
import Reactor

/// One GetRecords response while it becomes batches, and the room that it and they take. Confined to its loop.
///
/// While the response is held the loan is the response's bytes, those of an aggregate that was decoded, and those of the
/// batches that wait or are being written; afterwards it is the batches'. It ends with the last of them. Large items have
/// loans of their own.
final class HeldResponse {
    /// nil: the response was let go.
    private var encoder: RecordBatchEncoder?
    let receivedAt: ContinuousClock.Instant
    /// Whether user records may be left out as another shard's.
    private var mayLeaveOut = false
    private let loan: Loan
    private var responseBytes: Int
    private var batchBytes = 0
    /// User records that were left out and counted.
    private var droppedCount = 0
    /// Of the large item that was given and is not encoded yet.
    private var itemLoan: Loan?
    /// Nil until one is needed.
    private var items: ResponseItems?

    init(_ response: ByteBuffer, at receivedAt: ContinuousClock.Instant, loan: Loan, encoder: RecordBatchEncoder) {
        self.encoder = encoder
        self.receivedAt = receivedAt
        self.loan = loan
        responseBytes = response.count
        account()
    }

    /// The next slice; nil when the response holds no further record.
    func next() throws(GetRecordsError) -> EncodedBatch? {
        guard let batch = try encoder?.next() else { return nil }
        batchBytes += batch.payloadBytes
        itemLoan = nil
        account()
        return batch
    }

    /// The large item without which there is no next slice.
    var neededItem: ItemPointer? { encoder?.neededItem }

    /// Fetches it.
    func fetch(
        _ pointer: ItemPointer, _ reading: ItemReading, _ context: EngineContext
    ) async -> ItemFetch.Ending {
        let items = items ?? ResponseItems(encoder?.itemSearch(), reading, context)
        self.items = items
        return await items.next(pointer)
    }

    /// - Parameter loan: what the item takes until it is encoded.
    func give(_ outcome: ItemOutcome, _ loan: Loan?) {
        itemLoan = loan
        encoder?.give(outcome)
    }

    /// Bytes of the budget that the response, its items and its batches hold.
    var heldBytes: Int { loan.bytes + (itemLoan?.bytes ?? 0) + (items?.heldBytes ?? 0) }

    /// What stands beside the records; nil until all of them are read.
    var envelope: GetRecordsEnvelope? { encoder?.envelope }

    /// As `RecordBatchEncoder.passed`; nil until all records are read.
    var passed: Checkpoint? { encoder?.passed }

    /// Whether user records were left out that may be this shard's, as far as anybody knows.
    var doubtsLeavingOut: Bool { !mayLeaveOut && encoder.map { $0.droppedCount > 0 } ?? false }

    /// What is left out is another shard's.
    func confirmLeavingOut() { mayLeaveOut = true }

    /// Goes on with another encoder of the response, which makes the batch anew.
    func encodeAgain(_ batch: EncodedBatch?, with encoder: (ByteBuffer) -> RecordBatchEncoder) {
        self.encoder = self.encoder.map { encoder($0.response) }
        // It may need other items.
        items?.cancel()
        items = nil
        batchBytes -= batch?.payloadBytes ?? 0
        account()
    }

    /// User records that were left out since this was asked last.
    func takeDroppedCount() -> Int {
        let count = encoder?.droppedCount ?? droppedCount
        defer { droppedCount = count }
        return count - droppedCount
    }

    /// Lets the response itself go.
    func drop() {
        encoder = nil
        itemLoan = nil
        items?.cancel()
        items = nil
        responseBytes = 0
        account()
    }

    /// A batch of this response is not held any more.
    func settled(_ batch: EncodedBatch) {
        batchBytes -= batch.payloadBytes
        account()
    }

    private func account() {
        loan.resize(to: responseBytes + (encoder?.heldBytes ?? 0) + (items?.searchBytes ?? 0) + batchBytes)
    }
}
