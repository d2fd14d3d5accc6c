import Bytes

/// Finds the large items of a response ahead of its encoder, in the order in which that needs them, so that they can be fetched
/// meanwhile. It walks over the records a second time, with buffers of its own. Performs no I/O.
package struct ItemSearch {
    package enum Step: Equatable, Sendable {
        /// The next record that points to an item points to this one.
        case item(ItemPointer)
        /// None in this slice; there is more.
        case nothingYet
        /// There is none any more. Of a response that cannot be read on too: that is the encoder's to tell.
        case end
    }

    private var records: DeliveredRecords
    private let finder: ItemFinder
    private let decompression: Decompression?

    init(_ records: DeliveredRecords, _ finder: ItemFinder, _ decompression: Decompression?) {
        self.records = records
        self.finder = finder
        self.decompression = decompression
    }

    /// Bytes that are held beside the response.
    package var heldBytes: Int { records.heldBytes + finder.heldBytes + (decompression?.heldBytes ?? 0) }

    /// Goes on by `maxBytes` of the response at most.
    package mutating func next(maxBytes: Int = RecordBatchEncoder.sliceBytes) -> Step {
        var start: Int?
        do throws(GetRecordsError) {
            while try records.next() {
                if let found = try finder.find(records, decompression) { return .item(found.pointer) }
                let from = start ?? records.start
                start = from
                if records.offset - from >= maxBytes { return .nothingYet }
            }
        } catch {}
        return .end
    }
}
