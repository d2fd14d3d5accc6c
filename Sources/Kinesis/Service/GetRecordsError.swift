import CBOR
import JSON

/// Why an answer to GetRecords, or an event of SubscribeToShard, cannot be read, and where (bytes from its start).
package struct GetRecordsError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The answer is not the JSON that it should be.
        case json(JSONError.Reason)
        /// The answer is not the CBOR that it should be.
        case cbor(CBORError.Reason)
        /// A member that every record must have is missing, of another type or not what it should be.
        case badField(String)
    }

    package let reason: Reason
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String {
        switch reason {
        case .json(let reason): "the response with records is broken: \(JSONError(reason, at: offset))"
        case .cbor(let reason):
            "the response with records is broken: \(CBORError(reason, at: offset)) (set wireFormat to json for another one)"
        case .badField(let name): "the response with records has no good \(name) at byte \(offset)"
        }
    }
}
