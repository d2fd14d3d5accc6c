import Glibc

/// `USER`, `USER:GROUP` or `:GROUP`, by this system's names or as numbers.
struct SocketOwner {
    let user: uid_t?
    let group: gid_t?

    /// Nil where a name is not known here.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        user = Self.user(parts[0])
        group = parts.count > 1 ? Self.group(parts[1]) : nil
        guard (user != nil) == !parts[0].isEmpty, (group != nil) == (parts.count > 1 && !parts[1].isEmpty),
            user != nil || group != nil
        else { return nil }
    }

    private static func user(_ name: String) -> uid_t? {
        uid_t(name) ?? getpwnam(name)?.pointee.pw_uid
    }

    private static func group(_ name: String) -> gid_t? {
        gid_t(name) ?? getgrnam(name)?.pointee.gr_gid
    }
}
