import AWS
import JSON
import Time

/// The operations of DynamoDB over one `AWSClient`. Writes are asked once: who calls decides what a failure means for the
/// item, and when to ask again. Confined to its loop.
package final class DynamoDBClient: @unchecked Sendable {
    /// What one call may take. A lease is short, and an item is answered within milliseconds.
    package static let timeout: Duration = .seconds(5)

    /// How the service is spoken to.
    package static let serviceProtocol = ServiceProtocol.json(.v1_0)

    package let client: AWSClient
    private var clock = ServiceClock()

    /// The time as the service says it.
    package var serviceTime: WallTime { clock.time(at: .now()) }

    package init(_ client: AWSClient) {
        self.client = client
    }

    /// Calls an operation that may be sent twice without harm, and reads its response.
    /// - Parameter retry: nil: who calls decides when to ask again.
    package func call<Operation: DynamoDBOperation>(
        _ operation: Operation, retry: Retrying? = nil
    ) async throws(AWSError) -> Operation.Response {
        try await send(operation, isRepeatable: true, retry: retry)
    }

    /// Writes an item if the conditions are true. Whether a write that failed took place is not known, except where the error
    /// says that it cannot have been sent.
    package func write<Write: ConditionalWrite>(_ write: Write) async throws(AWSError) -> ConditionalOutcome {
        do {
            // A late second one would put an older state over a newer.
            return .done(try await send(write, isRepeatable: false, retry: nil))
        } catch .service(let error) where error.code == Write.conditionFailedCode {
            return .conditionFailed(try Self.item(of: error))
        }
    }

    private func send<Operation: DynamoDBOperation>(
        _ operation: Operation, isRepeatable: Bool, retry: Retrying?
    ) async throws(AWSError) -> Operation.Response {
        var body = JSONWriter()
        operation.write(&body)
        var request = client.serviceProtocol.request(
            "DynamoDB_20120810." + Operation.name, body: body.buffer, timeout: Self.timeout)
        // The service compresses only for those that ask, and some proxies for all that do not say no.
        request.headers = [("accept-encoding", "identity")]
        request.isRepeatable = isRepeatable
        request.expectedCodes = Operation.expectedCodes
        let sent = WallTime.now()
        do {
            let response = try await client.send(request, retry: retry)
            hear(response.date, sent)
            return try Operation.response(response)
        } catch .service(let error) {
            hear(error.date, sent)
            throw .service(error)
        }
    }

    private func hear(_ date: WallTime?, _ sent: WallTime) {
        if let date { clock.heard(date, sent: sent, received: .now()) }
    }

    /// The item whose conditions are false, which the error brings (ALL_OLD).
    private static func item(of error: ServiceError) throws(AWSError) -> Item? {
        guard let item = error.body?["Item"], !item.isNull else { return nil }
        do throws(ResponseError) {
            return try AttributeValue.item(item, path: "Item")
        } catch {
            throw .response(reason: error.description, requestID: nil)
        }
    }
}

/// What became of a write with conditions.
package enum ConditionalOutcome: Equatable, Sendable {
    case done(ItemResponse)
    /// Nothing was written. The item as it is; nil where there is none.
    case conditionFailed(Item?)
}
