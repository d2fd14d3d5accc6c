import JSON
import Time

/// Credentials in JSON, as a process, a container's endpoint, the instance's metadata and IAM Identity Center give them: each with
/// other names for some members. Performs no I/O.
package enum CredentialsDocument {
    /// What is wrong with a document; quotes nothing of it.
    package struct Problem: Error, Hashable, Sendable {
        package let text: String
    }

    /// `Version` must be 1. Source: sdkref, "Process credential provider".
    package static func ofProcess(_ bytes: [UInt8]) throws(Problem) -> Credentials {
        let json = try parsed(bytes)
        guard json["Version"]?.int == 1 else { throw Problem(text: "Version is not 1") }
        return try keys(json, token: "SessionToken", isTokenNeeded: false)
    }

    /// Of a container's endpoint, and of the instance's metadata, which says how it went in `Code`.
    package static func ofEndpoint(_ bytes: [UInt8]) throws(Problem) -> Credentials {
        let json = try parsed(bytes)
        if let code = json["Code"]?.string, code != "Success" { throw Problem(text: "Code is not Success") }
        return try keys(json, token: "Token", isTokenNeeded: true)
    }

    /// GetRoleCredentials', whose time is in milliseconds.
    package static func ofLogin(_ bytes: [UInt8]) throws(Problem) -> Credentials {
        guard let json = try parsed(bytes)["roleCredentials"] else { throw Problem(text: "roleCredentials is missing") }
        guard let end = json["expiration"]?.int else { throw Problem(text: "expiration is missing or no number") }
        return Credentials(
            accessKeyID: try text(json, "accessKeyId"), secretAccessKey: Secret(try text(json, "secretAccessKey")),
            sessionToken: Secret(try text(json, "sessionToken")), expiration: WallTime(milliseconds: Int64(end)))
    }

    static func parsed(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
        let value = bytes.withUnsafeBytes { try? JSONParser.parse($0) }
        guard let value, value.object != nil else { throw Problem(text: "it is no JSON object") }
        return value
    }

    static func text(_ json: JSONValue, _ name: String) throws(Problem) -> String {
        guard let text = json[name]?.string, !text.isEmpty else { throw Problem(text: "\(name) is missing") }
        return text
    }

    private static func keys(
        _ json: JSONValue, token: String, isTokenNeeded: Bool
    ) throws(Problem) -> Credentials {
        var found = Credentials(
            accessKeyID: try text(json, "AccessKeyId"), secretAccessKey: Secret(try text(json, "SecretAccessKey")))
        if isTokenNeeded || json[token]?.isNull == false { found.sessionToken = Secret(try text(json, token)) }
        if let end = json["Expiration"], !end.isNull {
            guard let time = end.string.flatMap(WallTime.init(iso8601:)) else {
                throw Problem(text: "Expiration is no time")
            }
            found.expiration = time
        }
        if let account = json["AccountId"], !account.isNull {
            guard let id = account.string.flatMap({ AccountID($0) }) else {
                throw Problem(text: "AccountId is not twelve digits")
            }
            found.accountID = id
        }
        return found
    }
}
