import MultiLang
import YAML

/// The settings that a YAML file gives: options as keys, and lists whose entries are mappings. Performs no I/O.
struct ConfigFileSettings: Equatable, Sendable {
    /// The lists whose entries are mappings; only the file has them.
    enum EntryList: String, CaseIterable, Sendable {
        case consumers
        case processors
        case tokens
        case clientNames = "tls.clientNames"

        /// The member by which an entry is known.
        fileprivate var key: String {
            switch self {
            case .consumers: "streamName"
            case .processors: "command"
            case .tokens, .clientNames: "name"
            }
        }

        /// What the names of its entries' options begin with.
        fileprivate var prefix: String {
            switch self {
            case .consumers, .processors: ""
            case .tokens, .clientNames: rawValue + "."
            }
        }
    }

    /// One entry of such a list.
    struct Entry: Equatable, Sendable {
        /// With its place in the list: `tokens[0]`.
        let origin: Origin
        let assignments: [Assignment]
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
        if elements.isEmpty, !list.mayBeEmpty { refuse(name, line, "the list is empty") }
        for (index, element) in elements.enumerated() {
            let place = "\(name)[\(index)]"
            guard case .mapping(let members, let line) = element else {
                refuse(place, element.line, "each entry must be a mapping with a \(list.key)")
                continue
            }
            let assignments = members.flatMap { flat(list.prefix + $0.key, $0, inEntry: "\(place).\($0.key)") }
            let origin = Origin.file(path: path, line: line, key: place)
            entries[list, default: []].append(Entry(origin: origin, assignments: assignments))
        }
    }

    /// `retryOptions: {retries: 3}` is `retryOptions.retries: 3`.
    /// - Parameter place: what mistakes call a member of an entry; nil: it is in none.
    private mutating func flat(
        _ name: String, _ member: YAMLNode.Member, inEntry place: String? = nil
    ) -> [Assignment] {
        if place == nil, let list = EntryList(rawValue: name) {
            take(member.value, as: list)
            return []
        }
        let key = place ?? name
        let origin = Origin.file(path: path, line: member.line, key: key)
        switch member.value {
        case .scalar(let text, _, _):
            if member.value.isNull {
                refuse(key, member.line, "has no value")
                return []
            }
            guard isText(member.value, text, name, key) else { return [] }
            let words = isCommand(name, in: place) ? ProcessorOption.command(text) : [text]
            if words.isEmpty {
                refuse(key, member.line, "has no value")
                return []
            }
            return [Assignment(name: name, values: words, origin: origin)]
        case .mapping(let members, let line):
            if members.isEmpty { refuse(key, line, "has no value") }
            if OptionName.isMapping(name) { return pairs(name, members, origin) }
            return members.flatMap { inner in
                flat("\(name).\(inner.key)", inner, inEntry: place.map { "\($0).\(inner.key)" })
            }
        case .sequence(let elements, let line):
            var values: [String] = []
            for element in elements {
                guard case .scalar(let text, _, _) = element, !element.isNull else {
                    refuse(key, element.line, "the elements of this list must be single values")
                    return []
                }
                guard isText(element, text, name, key) else { return [] }
                values.append(text)
            }
            if values.isEmpty {
                refuse(key, line, "the list is empty")
                return []
            }
            return [Assignment(name: name, values: values, origin: origin)]
        }
    }

    /// Whether a text is a list of words, with blanks between them.
    private func isCommand(_ name: String, in entry: String?) -> Bool {
        name == SettingsReader.command && entry?.hasPrefix(EntryList.processors.rawValue) == true
    }

    private mutating func isText(_ node: YAMLNode, _ text: String, _ name: String, _ key: String) -> Bool {
        guard OptionName.isAnyText(name), node.isNumberOrTruth else { return true }
        refuse(key, node.line, "\(text) is not text; accepted: names, one that looks like this in quotes ('\(text)')")
        return false
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
