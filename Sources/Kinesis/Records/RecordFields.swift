import JSON

/// Where the fields of one record stand in a GetRecords answer: places, not values, so that a record costs no
/// allocation. A string's range is its content's; an absent field has a start below 0.
package struct RecordFields {
    package var sequenceNumberStart = -1
    package var sequenceNumberEnd = 0
    package var partitionKeyStart = -1
    package var partitionKeyEnd = 0
    package var encryptionTypeStart = -1
    package var encryptionTypeEnd = 0
    /// Whether partition key and encryption type are raw JSON, escapes as they came; else they are UTF-8.
    package var isEscaped = true
    /// What would end a line in raw JSON.
    package var lineBreaks = JSONLineBreaks()
    /// Whether the data is base64, not checked yet; else it is the bytes themselves.
    package var isBase64 = true
    package var dataStart = -1
    package var dataEnd = 0
    /// Milliseconds since the epoch; `noArrival` when the record does not say.
    package var arrival = Self.noArrival

    package static let noArrival = Int64.min

    package init() {}
}
