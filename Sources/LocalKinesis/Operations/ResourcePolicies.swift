import Bytes
import JSON

/// PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy. A policy is kept and shown; nobody is kept out by it.
extension KinesisService {
    /// Bytes. Source: "Sharing your data stream" in the service's developer guide.
    private static let longestPolicy = 20 * 1024

    func putResourcePolicy(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try resource(fields)
        let policy = try fields.string("Policy")
        guard policy.utf8.count <= Self.longestPolicy else {
            throw .limitExceeded("Policy has more than \(Self.longestPolicy) bytes.")
        }
        guard let json = try? JSONParser.parse(policy), json.object != nil else {
            throw .invalidArgument("Policy is not a JSON object.")
        }
        stream.policy = policy
        try await store(stream)
        return nil
    }

    /// An empty object where there is none.
    func getResourcePolicy(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try resource(fields)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("Policy", stream.policy ?? "{}")
        answer.endObject()
        return answer.buffer
    }

    func deleteResourcePolicy(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try resource(fields)
        guard stream.policy != nil else {
            let arn = stream.arn(region: configuration.region, account: configuration.account)
            throw .notFound("No resource policy found for resource ARN \(arn).")
        }
        stream.policy = nil
        try await store(stream)
        return nil
    }
}
