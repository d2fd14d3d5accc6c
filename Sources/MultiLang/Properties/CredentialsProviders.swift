/// Reads the Java classes by which KCL finds credentials. Performs no I/O.
///
/// Classes are those of the AWS SDK for Java 2 and of KCL, and of the SDK's version 1, with their package or without;
/// several are separated by commas, and what their constructors get stands behind bars. KCL asks one after the other; here
/// the chain of docs/credentials.md does that, or one profile or key is named.
package enum CredentialsProviders: Equatable, Sendable {
    /// Options below `credentials`, by their last name, and why the rest of the list is not looked at; nil: there is none.
    case options([Option], note: String?)
    /// Nothing is to be set: the chain looks there.
    case chain(why: String)
    case refused(String)

    package struct Option: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    /// What can be written in place of a class that is not known.
    static let instead = "DefaultCredentialsProvider, or ProfileCredentialsProvider|NAME"

    /// Packages in which the known classes are.
    private static let packages = [
        "", "software.amazon.awssdk.auth.credentials.", "software.amazon.awssdk.services.sts.auth.",
        "software.amazon.kinesis.multilang.auth.", "com.amazonaws.auth.", "com.amazonaws.auth.profile.",
    ]
    private static let defaults: Set = ["DefaultCredentialsProvider", "DefaultAWSCredentialsProviderChain"]
    /// The chain's own places.
    private static let places: Set = [
        "EnvironmentVariableCredentialsProvider", "InstanceProfileCredentialsProvider", "ContainerCredentialsProvider",
        "EC2ContainerCredentialsProviderWrapper", "WebIdentityTokenFileCredentialsProvider",
        "WebIdentityTokenCredentialsProvider", "StsWebIdentityTokenFileCredentialsProvider",
    ]
    private static let profiles: Set = ["ProfileCredentialsProvider"]
    private static let keys: Set = ["KclStaticCredentialsProvider"]
    private static let roles: Set = [
        "StsAssumeRoleCredentialsProvider", "KclStsAssumeRoleCredentialsProvider",
        "STSAssumeRoleSessionCredentialsProvider", "KclSTSAssumeRoleSessionCredentialsProvider",
    ]
    private static let systemProperties: Set = [
        "SystemPropertyCredentialsProvider", "SystemPropertiesCredentialsProvider",
    ]

    package static func read(_ text: String) -> CredentialsProviders {
        let providers = text.split(separator: ",").map { Provider($0) }.filter { !$0.name.isEmpty }
        // Outside of a JVM there are none, so that the next in the list has its turn.
        let others = providers.filter { !systemProperties.contains($0.known ?? "") }
        guard let first = others.first else {
            return .refused(
                "there are no system properties of a JVM here; set credentials.accessKeyId and secretAccessKey, or write \(instead)"
            )
        }
        for provider in others {
            if let problem = problem(of: provider) { return .refused(problem) }
        }
        if let name = first.known, keys.contains(name) || profiles.contains(name), !first.arguments.isEmpty {
            let note = others.count > 1 ? "what stands behind \(name) in the list is not looked at" : nil
            return .options(options(of: first), note: note)
        }
        if let late = others.dropFirst().first(where: { !$0.arguments.isEmpty }) {
            return .refused(
                "\(late.name) cannot stand behind another one; write it first, or DefaultCredentialsProvider and "
                    + "AWS_PROFILE in the environment")
        }
        let isDefault = others.allSatisfy { defaults.contains($0.known ?? "") }
        return .chain(
            why: isDefault
                ? "credentials are looked for in the order of docs/credentials.md"
                : "credentials are looked for there too, in the order of docs/credentials.md")
    }

    private static func options(of provider: Provider) -> [Option] {
        let arguments = provider.arguments
        if profiles.contains(provider.known ?? "") { return [Option(name: "profile", value: arguments[0])] }
        return zip(["accessKeyId", "secretAccessKey", "sessionToken"], arguments).map(Option.init)
    }

    /// Why a provider cannot be had here, and what to write instead; nil: it can.
    private static func problem(of provider: Provider) -> String? {
        let arguments = provider.arguments.count
        switch provider.known {
        case let name? where defaults.contains(name) || places.contains(name):
            return arguments == 0 ? nil : "\(name) takes nothing behind a bar"
        case let name? where profiles.contains(name):
            return arguments < 2
                ? nil : "ProfileCredentialsProvider takes one name; AWS_SHARED_CREDENTIALS_FILE names another file"
        case let name? where keys.contains(name):
            return (2...3).contains(arguments)
                ? nil : "\(name) needs the key's id and its secret, and takes a session token: \(name)|ID|SECRET"
        case let name? where roles.contains(name):
            return
                "\(name) has no counterpart here; write a profile into ~/.aws/config, \"[profile kcl]\" with role_arn, "
                + "role_session_name, external_id and source_profile or credential_source, and "
                + "ProfileCredentialsProvider|kcl here (sts.endpoint and sts.region say where STS is asked)"
        default:
            return
                "the Java class \(provider.name) cannot run here; write \(instead), or a profile with a credential_process"
        }
    }

    /// The text as it may be shown.
    package static func masked(_ text: String) -> String {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let name = part.prefix { $0 != "|" }
            return name.count < part.count && !isSafe(Provider(part)) ? "\(name)|•••" : String(part)
        }.joined(separator: ",")
    }

    /// Of classes that are not known nobody knows what they get.
    private static func isSafe(_ provider: Provider) -> Bool {
        provider.known.map { profiles.contains($0) || roles.contains($0) } ?? false
    }

    private struct Provider {
        /// As it was written.
        let name: String
        let arguments: [String]
        /// The class without its package, where that is one of the SDK's or KCL's.
        let known: String?

        init(_ text: Substring) {
            let parts = text.split(separator: "|").map { String($0.trimmed) }
            let name = parts.first ?? ""
            self.name = name
            arguments = Array(parts.dropFirst())
            let simple = String(name.split(separator: ".").last ?? "")
            known = packages.contains { $0 + simple == name } ? simple : nil
        }
    }
}

extension StringProtocol {
    /// Without blanks on both sides.
    var trimmed: String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
