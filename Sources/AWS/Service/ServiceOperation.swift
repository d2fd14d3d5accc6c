import JSON

/// One call of a service's API as a value: it writes its request and reads its response, both JSON. Performs no I/O.
///
/// Each service refines it, so that nobody sends an operation to another one.
package protocol ServiceOperation: Sendable {
    associatedtype Response: Sendable
    /// The operation's name, which follows the service's in X-Amz-Target.
    static var name: String { get }
    /// Codes of errors that tell whoever asks what it wanted to know, and are no failure of the service's.
    static var expectedCodes: [String] { get }
    /// Writes the request body, one JSON object.
    func write(_ json: inout JSONWriter)
    /// Reads the response's body; an empty body is given as `.object([])`.
    static func read(_ json: JSONValue) throws(ResponseError) -> Response
}

extension ServiceOperation {
    package static var expectedCodes: [String] { [] }

    /// What a success says.
    package static func response(_ response: AWSResponse) throws(AWSError) -> Response {
        do throws(ResponseError) {
            return try read(tree(response))
        } catch {
            throw .response(reason: error.description, requestID: response.requestID)
        }
    }

    private static func tree(_ response: AWSResponse) throws(ResponseError) -> JSONValue {
        guard !response.body.isEmpty else { return .object([]) }
        do throws(JSONError) {
            return try JSONParser.parse(response.body)
        } catch {
            throw .notJSON(error)
        }
    }
}

/// A response of a service that is not what its API promises.
package enum ResponseError: Error, Equatable, Sendable, CustomStringConvertible {
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
