import Bytes
import Kinesis
import Reactor

/// One GetRecords response while it becomes batches, and the room that it and they take. Confined to its loop.
///
/// While the response is held the loan is the response's bytes, those of an aggregate that was decoded, and those of the
/// batches that wait or are being written;
/// afterwards it is the batches'. It ends with the last of them.
final class HeldResponse {
    let receivedOn: EventLoop.Instant
    private var encoder: RecordBatchEncoder?
    private let loan: Loan
    private var responseBytes: Int
    private var batchBytes = 0
    /// User records that were left out and counted.
    private var droppedCount = 0
    /// Of the large item that was given and is not encoded yet.
    private var itemLoan: Loan?

    init(_ response: ByteBuffer, loan: Loan, encoder: RecordBatchEncoder, receivedOn: EventLoop.Instant) {
        self.receivedOn = receivedOn
        self.encoder = encoder
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

    /// - Parameter loan: what the item takes until it is encoded.
    func give(_ outcome: ItemOutcome, _ loan: Loan?) {
        itemLoan = loan
        encoder?.give(outcome)
    }

    /// Bytes of the budget that the response and its batches hold.
    var heldBytes: Int { loan.bytes }

    /// What stands beside the records; nil until all of them are read.
    var envelope: GetRecordsEnvelope? { encoder?.envelope }

    /// As `RecordBatchEncoder.passed`; nil until all records are read.
    var passed: Checkpoint? { encoder?.passed }

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
        responseBytes = 0
        account()
    }

    /// A batch of this response is not held any more.
    func settled(_ batch: EncodedBatch) {
        batchBytes -= batch.payloadBytes
        account()
    }

    private func account() {
        loan.resize(to: responseBytes + (encoder?.heldBytes ?? 0) + batchBytes)
    }
}
