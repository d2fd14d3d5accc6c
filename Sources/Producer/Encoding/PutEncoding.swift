import Kinesis

/// What becomes of the data of a stream's records before they are put.
package struct PutEncoding: Sendable {
    /// Of what stands in the stream: data, or the pointer to an item. Items themselves are put to S3 as they are.
    package var compression: Compression
    /// Which records are put to S3; nil: none.
    package var largeItems: LargeItemRule?

    package init(compression: Compression = .none, largeItems: LargeItemRule? = nil) {
        self.compression = compression
        self.largeItems = largeItems
    }

    /// Whether data of so many bytes, uncompressed, is put to S3.
    func isItem(bytes: Int) -> Bool { largeItems.map { bytes > $0.threshold } ?? false }
}
