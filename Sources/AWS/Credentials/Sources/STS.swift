import Bytes
import Time
import XML

/// The operations of AWS's Security Token Service that give a role's credentials. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/STS/latest/APIReference
package enum STS {
    static let serviceProtocol = ServiceProtocol.query
    private static let version = "2011-06-15"
    /// Of one attempt.
    private static let timeout = Duration.seconds(5)

    static func assume(_ role: AssumedRole) -> AWSRequest {
        request("AssumeRole", role) { form in
            if let id = role.externalID { form.append("ExternalId", id) }
        }
    }

    /// Nobody signs it: the token says who asks.
    static func assume(_ role: AssumedRole, webIdentity token: Secret) -> AWSRequest {
        var request = request("AssumeRoleWithWebIdentity", role) { form in
            form.append("WebIdentityToken", token.exposed)
        }
        request.isSigned = false
        return request
    }

    private static func request(
        _ operation: String, _ role: AssumedRole, _ more: (inout FormBody) -> Void
    ) -> AWSRequest {
        var form = FormBody(action: operation, version: version)
        form.append("RoleArn", role.arn)
        form.append("RoleSessionName", role.sessionName)
        if let duration = role.duration { form.append("DurationSeconds", String(duration.components.seconds)) }
        more(&form)
        return serviceProtocol.request(operation, body: form.buffer, timeout: timeout)
    }

    /// What a success of either operation says; quotes nothing of it when it is none.
    package static func credentials(_ body: ByteBuffer) throws(CredentialsDocument.Problem) -> Credentials {
        guard let root = try? XMLReader.read(body.bytes) else {
            throw CredentialsDocument.Problem(text: "it is no XML")
        }
        let result = root.children.first { $0.name.hasSuffix("Result") }
        guard let found = result?["Credentials"] else {
            throw CredentialsDocument.Problem(text: "Credentials is missing")
        }
        func text(_ name: String) throws(CredentialsDocument.Problem) -> String {
            guard let text = found[name]?.text, !text.isEmpty else {
                throw CredentialsDocument.Problem(text: "\(name) is missing")
            }
            return text
        }
        guard let end = WallTime(iso8601: try text("Expiration")) else {
            throw CredentialsDocument.Problem(text: "Expiration is no time")
        }
        return Credentials(
            accessKeyID: try text("AccessKeyId"), secretAccessKey: Secret(try text("SecretAccessKey")),
            sessionToken: Secret(try text("SessionToken")), expiration: end,
            accountID: result?["AssumedRoleUser"]?["Arn"].flatMap { AccountID(arn: $0.text) })
    }
}
