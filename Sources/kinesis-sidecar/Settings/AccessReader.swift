import AWS
import Gateway
import HTTPServer

/// Reads the entries of `tokens` and `tls.clientNames`, and collects what is wrong with them. Performs no I/O.
struct AccessReader {
    private(set) var access = Access()
    private(set) var mistakes: [Mistake] = []

    /// What may stand in an entry, by the last part of the assignment's name.
    private struct Members {
        let entry: ConfigFileSettings.Entry
        let list: ConfigFileSettings.EntryList

        func first(_ member: AccessMember) -> Assignment? { entry.assignments.first { $0.name == name(member) } }

        func name(_ member: AccessMember) -> String { "\(list.rawValue).\(member.rawValue)" }

        /// The entry by its name, where it has one; its origin says its place in any case.
        var title: String {
            first(.name).map { "the entry \"\($0.values[0])\"" } ?? "the entry"
        }
    }

    mutating func takeToken(_ entry: ConfigFileSettings.Entry) {
        let members = Members(entry: entry, list: .tokens)
        let grant = grant(members) { (1...128).contains($0.count) }
        let digest = value(members, .sha256, SHA256Value.init(hex:))
        guard let grant, let digest else { return }
        if access.tokens.contains(where: { $0.grant.name == grant.name }) {
            return refuse(members, .name, "is the name of two entries")
        }
        if digest == Digest.sha256("") {
            return refuse(members, .sha256, "is that of an empty token, as a script with an unset variable makes it")
        }
        if access.tokens.contains(where: { $0.digest == digest }) {
            return refuse(members, .sha256, "is another entry's too")
        }
        access.tokens.append(Access.Token(digest: digest, grant: grant))
    }

    mutating func takeClient(_ entry: ConfigFileSettings.Entry) {
        let members = Members(entry: entry, list: .clientNames)
        let grant = grant(members) { _ in true }
        let name = value(members, .name, PeerName.init)
        guard let grant, let name else { return }
        if access.clients.contains(where: { $0.name == name }) {
            return refuse(members, .name, "is the name of two entries")
        }
        access.clients.append(Access.Client(name: name, grant: grant))
    }

    private mutating func grant(_ members: Members, isName: (String) -> Bool) -> Grant? {
        let accepted = AccessMember.words(members.list.members.map(\.rawValue))
        let known = Set(members.list.members.map(members.name))
        for member in members.entry.assignments where !known.contains(member.name) {
            mistakes.append(
                Mistake(member.origin, "\(members.title): there is no such member; accepted: \(accepted)"))
        }
        let name = value(members, .name) { isName($0) ? $0 : nil }
        let streams =
            members.first(.streams) == nil
            ? StreamScope.all
            : values(members, .streams) { text in StreamScope([text]).map { _ in text } }
                .flatMap(StreamScope.init)
        let verbs = values(members, .verbs, Verb.init(rawValue:))
        guard let name, let streams, let verbs else { return nil }
        return Grant(name: name, verbs: Set(verbs), streams: streams)
    }

    private mutating func value<T>(_ members: Members, _ name: AccessMember, _ read: (String) -> T?) -> T? {
        guard members.first(name)?.values.count ?? 1 == 1 else {
            refuse(members, name, "takes one value and no list")
            return nil
        }
        return values(members, name, read)?.first
    }

    /// All of them, or nil and a mistake.
    private mutating func values<T>(
        _ members: Members, _ name: AccessMember, _ read: (String) -> T?
    ) -> [T]? {
        let accepted = name.accepted(in: members.list)
        guard let member = members.first(name) else {
            mistakes.append(
                Mistake(members.entry.origin, "\(members.title) has no \(name.rawValue); accepted: \(accepted)"))
            return nil
        }
        var found: [T] = []
        for text in member.values {
            guard let value = read(text) else {
                // Who writes the token itself there does not want it in a log.
                let shown = name == .sha256 ? "the value" : "\"\(text)\""
                refuse(members, name, "\(shown) is not accepted; accepted: \(accepted)")
                return nil
            }
            found.append(value)
        }
        return found
    }

    private mutating func refuse(_ members: Members, _ name: AccessMember, _ problem: String) {
        mistakes.append(Mistake(members.first(name)?.origin, "\(members.title): \(problem)"))
    }
}
