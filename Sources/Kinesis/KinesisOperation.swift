import JSON

/// One call of the Kinesis API as a value: it writes its request and reads its response. Performs no I/O.
package protocol KinesisOperation: Sendable {
    associatedtype Response: Sendable
    /// The operation's name, which follows `Kinesis_20131202.` in X-Amz-Target.
    static var name: String { get }
    /// Codes of errors that tell whoever asks what it wanted to know, and are no failure of the service's.
    static var expectedCodes: [String] { get }
    /// Writes the request body, one JSON object.
    func write(_ json: inout JSONWriter)
    /// Reads the response's body; an empty body is given as `.object([])`.
    static func read(_ json: JSONValue) throws(KinesisResponseError) -> Response
}

extension KinesisOperation {
    package static var expectedCodes: [String] { [] }
}

/// A response of the service that is not what its API promises.
package enum KinesisResponseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The body is not JSON.
    case notJSON(JSONError)
    /// A member (named by its path, `Shards[3].ShardId`) that must be there is missing or of another type.
    case badField(String)

    package var description: String {
        switch self {
        case .notJSON(let error): "the service's response is not JSON: \(error)"
        case .badField(let path): "the service's response lacks a good \(path)"
        }
    }
}
