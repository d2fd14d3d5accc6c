import JSON

/// Where the fields of one record stand in a GetRecords answer: places, not values, so that a record costs no
/// allocation. A string's range lies between its quotes; an absent field has a start below 0.
package struct RecordFields {
    package var sequenceNumberStart = -1
    package var sequenceNumberEnd = 0
    /// Raw JSON, escapes as they came.
    package var partitionKeyStart = -1
    package var partitionKeyEnd = 0
    /// Raw JSON, escapes as they came.
    package var encryptionTypeStart = -1
    package var encryptionTypeEnd = 0
    /// What would end a line in the partition key or the encryption type.
    package var lineBreaks = JSONLineBreaks()
    /// Base64, not checked yet.
    package var dataStart = -1
    package var dataEnd = 0
    /// Milliseconds since the epoch; `noArrival` when the record does not say.
    package var arrival = Self.noArrival

    package static let noArrival = Int64.min

    package init() {}
}
