import CYAML

/// Reads one YAML document into nodes, over libyaml's events.
///
/// Tags are refused, which nothing here needs. Nesting is bounded; the text's size is the caller's bound. Performs no I/O.
package struct YAMLReader: ~Copyable {
    /// What becomes of aliases (`*name`) and of merge keys (`<<`, https://yaml.org/type/merge.html).
    package enum References: Sendable {
        /// Of texts of others: aliases make a small one a large tree. A merge key is a key like any.
        case refused
        /// What they stand for stands in their places.
        case expanded
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let depthLimit: Int
    private let references: References
    /// By the names of their anchors; those that have ended.
    private var anchored: [String: YAMLNode] = [:]

    /// Nil for an empty document.
    /// - Parameter depthLimit: levels of nesting. In a configuration a consumer's retry options are at level four.
    package static func read(
        _ text: [UInt8], depthLimit: Int = 16, references: References = .refused
    ) throws(YAMLError) -> YAMLNode? {
        var reader = YAMLReader(depthLimit: depthLimit, references: references)
        return try text.withUnsafeBufferPointer { bytes throws(YAMLError) in
            yaml_parser_set_input_string(reader.parser, bytes.baseAddress, bytes.count)
            return try reader.document()
        }
    }

    private init(depthLimit: Int, references: References) {
        self.depthLimit = depthLimit
        self.references = references
        parser = .allocate(capacity: 1)
        // Fails only when memory cannot be had, and Swift does not live on then either.
        precondition(yaml_parser_initialize(parser) == 1)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private mutating func document() throws(YAMLError) -> YAMLNode? {
        _ = try next()
        guard case .documentStart = try next() else { return nil }
        let root = try node(try next(), depth: 0)
        _ = try next()
        if case .documentStart(let line) = try next() {
            throw YAMLError(line: line, problem: "a second document begins here; one is read")
        }
        return root.isNull ? nil : root
    }

    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        switch event {
        case .scalar(let text, let isPlain, let line, let anchor):
            return keep(.scalar(text, isPlain: isPlain, line: line), as: anchor)
        case .sequenceStart(let line, let anchor):
            return keep(.sequence(try elements(depth: try deeper(depth, line)), line: line), as: anchor)
        case .mappingStart(let line, let anchor):
            return keep(.mapping(try members(depth: try deeper(depth, line)), line: line), as: anchor)
        case .alias(let line, let anchor):
            guard let node = anchored[anchor] else {
                throw YAMLError(line: line, problem: "*\(anchor) stands for nothing that ends before it")
            }
            return node
        case .documentStart(let line), .end(let line):
            throw YAMLError(line: line, problem: "a value is missing here")
        }
    }

    private mutating func keep(_ node: YAMLNode, as anchor: String?) -> YAMLNode {
        if references == .expanded, let anchor { anchored[anchor] = node }
        return node
    }

    private func deeper(_ depth: Int, _ line: Int) throws(YAMLError) -> Int {
        guard depth < depthLimit else {
            throw YAMLError(line: line, problem: "nested deeper than \(depthLimit) levels")
        }
        return depth + 1
    }

    private mutating func elements(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try next()
            if case .end = event { return elements }
            elements.append(try node(event, depth: depth))
        }
    }

    private mutating func members(depth: Int) throws(YAMLError) -> [YAMLNode.Member] {
        var members: [YAMLNode.Member] = []
        var merged: [YAMLNode.Member] = []
        while true {
            let event = try next()
            if case .end = event {
                // What the mapping itself says goes before what it takes from others.
                return members + merged.filter { other in !members.contains { $0.key == other.key } }
            }
            guard case .scalar(let key, let isPlain, let line, _) = event else {
                throw YAMLError(line: event.line, problem: "a key must be a word")
            }
            guard !members.contains(where: { $0.key == key }) else {
                throw YAMLError(line: line, problem: "\(key) is given twice")
            }
            if references == .expanded, isPlain, key == "<<" {
                guard case .mapping(let others, _) = try node(try next(), depth: depth) else {
                    throw YAMLError(line: line, problem: "<< takes a mapping")
                }
                merged += others
                continue
            }
            members.append(YAMLNode.Member(key: key, line: line, value: try node(try next(), depth: depth)))
        }
    }

    // MARK: Events

    /// libyaml's events without those that carry nothing.
    private enum Event {
        case documentStart(line: Int)
        case scalar(String, isPlain: Bool, line: Int, anchor: String?)
        case sequenceStart(line: Int, anchor: String?)
        case mappingStart(line: Int, anchor: String?)
        case alias(line: Int, anchor: String)
        /// Of a sequence, a mapping, a document or the stream.
        case end(line: Int)

        var line: Int {
            switch self {
            case .documentStart(let line), .scalar(_, _, let line, _), .sequenceStart(let line, _),
                .mappingStart(let line, _), .alias(let line, _), .end(let line):
                line
            }
        }
    }

    private func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure }
        defer { yaml_event_delete(&event) }
        let line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuseTag(scalar.tag, line)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return .scalar(
                text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, line: line,
                anchor: Self.name(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT:
            try refuseTag(event.data.sequence_start.tag, line)
            return .sequenceStart(line: line, anchor: Self.name(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT:
            try refuseTag(event.data.mapping_start.tag, line)
            return .mappingStart(line: line, anchor: Self.name(event.data.mapping_start.anchor))
        case YAML_DOCUMENT_START_EVENT:
            return .documentStart(line: line)
        case YAML_ALIAS_EVENT:
            guard references == .expanded, let anchor = Self.name(event.data.alias.anchor) else {
                throw YAMLError(line: line, problem: "aliases (*name) are not read; write the value out")
            }
            return .alias(line: line, anchor: anchor)
        default:
            return .end(line: line)
        }
    }

    private static func name(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    private func refuseTag(_ tag: UnsafeMutablePointer<yaml_char_t>?, _ line: Int) throws(YAMLError) {
        guard tag == nil else { throw YAMLError(line: line, problem: "tags (!name) are not read") }
    }

    /// What libyaml says of the text.
    private var failure: YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        return YAMLError(line: Int(parser.pointee.problem_mark.line) + 1, problem: problem)
    }
}
