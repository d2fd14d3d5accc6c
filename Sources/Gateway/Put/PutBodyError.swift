import JSON
import Producer

/// What is wrong with the body of a put. Of such a put nothing is sent.
package struct PutBodyError: Error, Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        /// The body has no byte.
        case empty
        case malformed(JSONError)
        /// The body, or an entry of `records`, is not a JSON object.
        case notObject
        case unknownField(String, accepted: [String])
        case repeatedField(String)
        /// Both `data` and `records`, say.
        case conflict(String, with: String)
        /// `records` is not an array.
        case recordsNotArray
        case noRecords
        case badField(PutFieldError)
        case missingStreamName
        case badStreamName
        /// The put would hold more than `maxPutBytes`.
        case overMemory(limit: Int)
    }

    package var reason: Reason
    /// Which of `records`; nil outside of them.
    package var index: Int?

    package init(_ reason: Reason, at index: Int? = nil) {
        self.reason = reason
        self.index = index
    }
}
