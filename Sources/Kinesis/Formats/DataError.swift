/// Why a record's data is given out as it lies in the stream, although more was to be done with it: the record's member
/// `dataError`, an object `{code, detail}`. The record itself is never left out.
package enum DataError: Error, Equatable, Sendable {
    /// An aggregated record with more of something than is taken apart.
    case aggregate(AggregatedRecords.Excess)
    /// The data cannot be decompressed.
    case compression(LZUTF8Error)
    /// The large item that the record points to cannot be had.
    case item(ItemFault, detail: String)

    package enum ItemFault: Hashable, Sendable {
        /// S3 has no such object, or no such bucket, any more.
        case gone
        /// S3 does not let this process read it.
        case denied
        /// It has more bytes than are held for one.
        case tooLarge
        /// S3 fails, or could not be reached for so long.
        case failed
        /// The pointer names no bucket.
        case badPointer
        /// The pointer names a bucket from which no items are given out here.
        case notAllowed
    }

    /// What programs look at; openapi.yaml lists them.
    package var code: StaticString {
        switch self {
        case .aggregate: "aggregateTooLarge"
        case .compression(.textOverLimit): "decompressedTooLarge"
        case .compression: "decompressionFailed"
        case .item(.gone, _): "itemGone"
        case .item(.denied, _): "itemDenied"
        case .item(.tooLarge, _): "itemTooLarge"
        case .item(.failed, _): "itemFailed"
        case .item(.badPointer, _): "itemPointerInvalid"
        case .item(.notAllowed, _): "itemBucketNotAllowed"
        }
    }

    /// One sentence for people.
    package var detail: String {
        switch self {
        case .aggregate(.bytes(let count)):
            "The aggregated record has \(count) bytes; at most \(AggregatedRecords.maxBytes) are taken apart."
        case .aggregate(.userRecords):
            "The aggregated record has more than \(AggregatedRecords.maxUserRecords) user records or keys."
        case .compression(let error): "The data is not given as text in LZ-UTF8: \(error)."
        case .item(_, let detail): detail
        }
    }
}
