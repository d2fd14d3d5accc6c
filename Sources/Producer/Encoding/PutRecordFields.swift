import JSON
import Kinesis

/// The members of one record in a put's body, as they were found; not checked yet.
package struct PutRecordFields {
    package var data: JSONSpan?
    package var partitionKey: JSONSpan?
    package var explicitHashKey: JSONSpan?
    package var sequenceNumberForOrdering: JSONSpan?
    package var dataEncoding: JSONSpan?

    package init() {}
}

/// What is wrong with one member of a record.
package struct PutFieldError: Error, Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        case missing
        /// It must be a JSON string.
        case notString
        /// Unicode scalars of a partition key, which may have 1…256.
        case keyLength(Int)
        case notHashKey
        case notSequenceNumber
        /// The only encoding there is beside none is `base64`.
        case unknownEncoding
        /// The place of the first wrong character within the text.
        case notBase64(at: Int)
        /// The stream's compression is of texts alone.
        case notUTF8(for: Compression)
        /// A string that no text can hold.
        case notText(JSONError)
    }

    package var field: StaticString
    package var reason: Reason

    package init(_ field: StaticString, _ reason: Reason) {
        self.field = field
        self.reason = reason
    }

    package static func == (left: PutFieldError, right: PutFieldError) -> Bool {
        left.field.description == right.field.description && left.reason == right.reason
    }
}
