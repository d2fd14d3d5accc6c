import AWS
import Bytes
import State

/// What consumers are called that this program registers: at most 128 characters, and always the same for the same owner, so
/// that one is found again of whose registration nothing was heard. Performs no I/O.
enum ConsumerName {
    private static let program = "kinesis-sidecar-"

    /// The consumer of a group on a host that shares none.
    static func own(_ group: String, host: String) -> String {
        program + digits("\(group)\n\(host)", count: 22)
    }

    /// How the names of the consumers begin that a group's members share.
    static func prefix(of group: String) -> String { program + digits(group, count: 11) + "-" }

    /// One that the member has registered for its group, of several.
    static func pooled(_ prefix: String, _ member: MemberID, _ number: Int) -> String {
        prefix + digits("\(member)\n\(number)", count: 10)
    }

    /// Of SHA-256 over the text.
    private static func digits(_ text: String, count: Int) -> String {
        Base58.encode(Digest.sha256(text).bytes, count: count)
    }
}
