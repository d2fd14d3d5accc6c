import AWS

/// What a call of puts was refused for, as far as its error says. Performs no I/O.
package enum Blame: Equatable, Sendable {
    /// The call or its stream: every part of it would be refused alike.
    case call
    /// What the call carries: a part of it may pass.
    case content
    /// The error does not say which of the two.
    case unnamed

    package init(_ error: AWSError) {
        guard case .service(let error) = error else {
            self = .call
            return
        }
        if error.status == 413 {
            // Of whatever stands before the service, for the size of all of it.
            self = .content
        } else if error.disposition == .invalidArgument {
            self.init(members: error.members)
        } else {
            self = .call
        }
    }

    private init(members: [String]) {
        if members.isEmpty {
            self = .unnamed
        } else {
            self = members.contains { $0 == "records" || $0.hasPrefix("records.") } ? .content : .call
        }
    }
}

extension ServiceError {
    /// The members of the request that a ValidationException names, in lower case:
    /// `2 validation errors detected: Value '…' at 'records.1.member.data' failed to satisfy constraint: …; Value …`.
    fileprivate var members: [String] {
        // A value is quoted as it came and may hold quotes; a member's name holds none.
        message.split(separator: "' failed to satisfy constraint", omittingEmptySubsequences: false).dropLast()
            .compactMap { text in text.lastIndex(of: "'").map { text[text.index(after: $0)...].lowercased() } }
    }
}
