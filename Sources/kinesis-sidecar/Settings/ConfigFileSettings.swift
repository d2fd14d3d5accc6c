/// The settings that a YAML file gives: options as keys, and lists whose entries are mappings. Performs no I/O.
struct ConfigFileSettings: Equatable, Sendable {
    /// The lists whose entries are mappings; only the file has them.
    enum EntryList: String, CaseIterable, Sendable {
        case consumers
        case tokens
        case clientNames = "tls.clientNames"

        /// The member by which an entry is known.
        fileprivate var key: String { self == .consumers ? "streamName" : "name" }
    }

    /// One entry of such a list.
    struct Entry: Equatable, Sendable {
        let line: Int
        var assignments: [Assignment] = []
    }

    private(set) var assignments: [Assignment] = []
    private var entries: [EntryList: [Entry]] = [:]
    private(set) var mistakes: [Mistake] = []
    private let path: String

    init(_ text: [UInt8], path: String) {
        self.path = path
        do {
            guard let root = try YAMLReader.read(text) else { return }
            guard case .mapping(let members, _) = root else {
                refuse("", root.line, "the file must be a mapping of options to values")
                return
            }
            for member in members { assignments += flat(member.key, member) }
        } catch {
            refuse("", error.line, error.problem)
        }
    }

    /// In the order of the file.
    func entries(of list: EntryList) -> [Entry] { entries[list] ?? [] }

    private mutating func take(_ node: YAMLNode, as list: EntryList) {
        let name = list.rawValue
        guard case .sequence(let elements, let line) = node else {
            return refuse(name, node.line, "must be a list of mappings, each with a \(list.key)")
        }
        if elements.isEmpty, list != .consumers { refuse(name, line, "the list is empty") }
        for element in elements {
            guard case .mapping(let members, let line) = element else {
                refuse(name, element.line, "each entry must be a mapping with a \(list.key)")
                continue
            }
            let prefix = list == .consumers ? "" : name + "."
            let assignments = members.flatMap { flat(prefix + $0.key, $0, isInEntry: true) }
            entries[list, default: []].append(Entry(line: line, assignments: assignments))
        }
    }

    /// `retryOptions: {retries: 3}` is `retryOptions.retries: 3`.
    private mutating func flat(
        _ name: String, _ member: YAMLNode.Member, isInEntry: Bool = false
    ) -> [Assignment] {
        if !isInEntry, let list = EntryList(rawValue: name) {
            take(member.value, as: list)
            return []
        }
        let origin = Origin.file(path: path, line: member.line, key: name)
        switch member.value {
        case .scalar(let text, _, _):
            if member.value.isNull {
                refuse(name, member.line, "has no value")
                return []
            }
            return [Assignment(name: name, values: [text], origin: origin)]
        case .mapping(let members, let line):
            if members.isEmpty { refuse(name, line, "has no value") }
            if ProgramOption.named(name)?.isMapping == true { return pairs(name, members, origin) }
            return members.flatMap { flat("\(name).\($0.key)", $0, isInEntry: isInEntry) }
        case .sequence(let elements, let line):
            var values: [String] = []
            for element in elements {
                guard case .scalar(let text, _, _) = element, !element.isNull else {
                    refuse(name, element.line, "the elements of this list must be single values")
                    return []
                }
                values.append(text)
            }
            if values.isEmpty { refuse(name, line, "the list is empty") }
            return [Assignment(name: name, values: values, origin: origin)]
        }
    }

    /// `tags: {team: orders}` is `tags: ["team=orders"]`.
    private mutating func pairs(_ name: String, _ members: [YAMLNode.Member], _ origin: Origin) -> [Assignment] {
        var values: [String] = []
        for member in members {
            guard case .scalar(let text, _, _) = member.value, !member.value.isNull else {
                refuse("\(name).\(member.key)", member.line, "must be a single value")
                return []
            }
            values.append("\(member.key)=\(text)")
        }
        return values.isEmpty ? [] : [Assignment(name: name, values: values, origin: origin)]
    }

    private mutating func refuse(_ key: String, _ line: Int, _ problem: String) {
        mistakes.append(Mistake(.file(path: path, line: line, key: key), problem))
    }
}
