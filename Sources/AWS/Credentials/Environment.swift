import Glibc

/// The environment variables that AWS clients read, or a table in their place.
package struct Environment: Sendable {
    private let lookUp: @Sendable (String) -> String?

    /// This process's environment as it is when asked.
    package static let process = Environment { name in
        getenv(name).map { String(cString: $0) }
    }

    package init(_ variables: [String: String]) {
        lookUp = { variables[$0] }
    }

    private init(lookUp: @escaping @Sendable (String) -> String?) {
        self.lookUp = lookUp
    }

    /// The variable's value; nil when it is not set or empty, which the AWS SDKs do not tell apart either.
    package subscript(name: String) -> String? {
        guard let value = lookUp(name), !value.isEmpty else { return nil }
        return value
    }
}
