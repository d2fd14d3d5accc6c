/// Why a record's data is given out as it lies in the stream, although more was to be done with it: the record's member
/// `dataError`, an object `{code, detail}`. The record itself is never left out.
package enum DataError: Error, Equatable, Sendable {
    /// An aggregated record of so many bytes.
    case aggregateBytes(Int)
    /// An aggregated record with more user records, or keys, than are read.
    case aggregateRecords

    /// The data cannot be decompressed.
    case compression(LZUTF8Error)

    /// What programs look at; openapi.yaml lists them.
    package var code: StaticString {
        switch self {
        case .aggregateBytes, .aggregateRecords: "aggregateTooLarge"
        case .compression(.textOverLimit): "decompressedTooLarge"
        case .compression: "decompressionFailed"
        }
    }

    /// One sentence for people.
    package var detail: String {
        switch self {
        case .aggregateBytes(let count):
            "The aggregated record has \(count) bytes; at most \(AggregatedRecords.maxBytes) are taken apart."
        case .aggregateRecords:
            "The aggregated record has more than \(AggregatedRecords.maxUserRecords) user records or keys."
        case .compression(let error): "The data is not given as text in LZ-UTF8: \(error)."
        }
    }
}
