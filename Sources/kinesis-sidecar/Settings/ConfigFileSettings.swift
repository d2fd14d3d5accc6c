/// The settings that a YAML file gives: options as keys, and the consumers. Performs no I/O.
struct ConfigFileSettings: Equatable, Sendable {
    /// One entry of `consumers`.
    struct Consumer: Equatable, Sendable {
        let line: Int
        /// `streamName` among them.
        var assignments: [Assignment] = []
    }

    private(set) var assignments: [Assignment] = []
    private(set) var consumers: [Consumer] = []
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
            for member in members {
                if member.key == "consumers" {
                    takeConsumers(member.value)
                } else {
                    assignments += flat(member.key, member)
                }
            }
        } catch {
            refuse("", error.line, error.problem)
        }
    }

    private mutating func takeConsumers(_ node: YAMLNode) {
        guard case .sequence(let entries, _) = node else {
            return refuse("consumers", node.line, "must be a list of mappings, each with a streamName")
        }
        for entry in entries {
            guard case .mapping(let members, let line) = entry else {
                refuse("consumers", entry.line, "each entry must be a mapping with a streamName")
                continue
            }
            let assignments = members.flatMap { flat($0.key, $0) }
            consumers.append(Consumer(line: line, assignments: assignments))
        }
    }

    /// `retryOptions: {retries: 3}` is `retryOptions.retries: 3`.
    private mutating func flat(_ name: String, _ member: YAMLNode.Member) -> [Assignment] {
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
            return members.flatMap { flat("\(name).\($0.key)", $0) }
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
