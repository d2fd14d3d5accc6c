/// Where a container asks for its task's or pod's credentials: ECS and EKS Pod Identity name it in variables. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
package struct ContainerEndpoint: Hashable, Sendable {
    /// What the request says it may.
    package enum Authorization: Hashable, Sendable {
        case none
        case token(Secret)
        /// A file that has it, read at each request: EKS writes it anew.
        case file(String)
    }

    package static let variables = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]

    package let endpoint: Endpoint
    package let query: String?
    package let authorization: Authorization

    /// Nil when no variable names one.
    package init?(_ environment: Environment) throws(CredentialsError) {
        let name: String
        let url: String
        if let path = environment[Self.variables[0]] {
            guard path.hasPrefix("/") else {
                throw .badVariable(Self.variables[0], accepted: "a path that begins with /")
            }
            (name, url) = (Self.variables[0], "http://169.254.170.2" + path)
        } else if let full = environment[Self.variables[1]] {
            (name, url) = (Self.variables[1], full)
        } else {
            return nil
        }
        let parts = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let endpoint = try? Endpoint(String(parts[0])), parts.dropFirst().allSatisfy(Self.isQuery) else {
            throw .badVariable(name, accepted: "an http:// or https:// URL without user and fragment")
        }
        guard Self.isAllowed(endpoint) else {
            throw .badVariable(
                name,
                accepted: "https://, or http:// to loopback, \(Self.hosts.joined(separator: " or "))")
        }
        self.endpoint = endpoint
        query = parts.count > 1 ? String(parts[1]) : nil
        if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            authorization = .file(file)
        } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            authorization = .token(Secret(token))
        } else {
            authorization = .none
        }
    }

    /// Of ECS and EKS. To any other host the credentials would go in clear.
    private static let hosts = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"]

    private static func isAllowed(_ endpoint: Endpoint) -> Bool {
        endpoint.scheme == .https || hosts.contains(endpoint.host) || IPAddress.isLoopback(endpoint.host)
    }

    private static func isQuery(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"#\"<>\\^`{|}".utf8.contains($0) }
    }
}

extension ContainerEndpoint: CustomStringConvertible {
    /// Without the query, which may name the task.
    package var description: String { "the container's endpoint (\(endpoint.authority))" }
}
