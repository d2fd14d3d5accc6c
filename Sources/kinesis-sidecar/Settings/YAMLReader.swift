import CYAML

/// Reads one YAML document into nodes, over libyaml's events.
///
/// Aliases and tags are refused: a configuration does not need them, and aliases make a small file a large tree. Nesting
/// is bounded by `depthLimit`; the text's size is the caller's bound. Performs no I/O.
struct YAMLReader: ~Copyable {
    /// Levels of nesting. A consumer's retry options are at level four.
    static let depthLimit = 16

    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// Nil for an empty document.
    static func read(_ text: [UInt8]) throws(YAMLError) -> YAMLNode? {
        let reader = YAMLReader()
        return try text.withUnsafeBufferPointer { bytes throws(YAMLError) in
            yaml_parser_set_input_string(reader.parser, bytes.baseAddress, bytes.count)
            return try reader.document()
        }
    }

    private init() {
        parser = .allocate(capacity: 1)
        // Fails only when memory cannot be had, and Swift does not live on then either.
        precondition(yaml_parser_initialize(parser) == 1)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private func document() throws(YAMLError) -> YAMLNode? {
        _ = try next()
        guard case .documentStart = try next() else { return nil }
        let root = try node(try next(), depth: 0)
        _ = try next()
        if case .documentStart(let line) = try next() {
            throw YAMLError(line: line, problem: "a second document begins here; one is read")
        }
        return root.isNull ? nil : root
    }

    private func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        switch event {
        case .scalar(let text, let isPlain, let line):
            return .scalar(text, isPlain: isPlain, line: line)
        case .sequenceStart(let line):
            return .sequence(try elements(depth: try deeper(depth, line)), line: line)
        case .mappingStart(let line):
            return .mapping(try members(depth: try deeper(depth, line)), line: line)
        case .documentStart(let line), .end(let line):
            throw YAMLError(line: line, problem: "a value is missing here")
        }
    }

    private func deeper(_ depth: Int, _ line: Int) throws(YAMLError) -> Int {
        guard depth < Self.depthLimit else {
            throw YAMLError(line: line, problem: "nested deeper than \(Self.depthLimit) levels")
        }
        return depth + 1
    }

    private func elements(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try next()
            if case .end = event { return elements }
            elements.append(try node(event, depth: depth))
        }
    }

    private func members(depth: Int) throws(YAMLError) -> [YAMLNode.Member] {
        var members: [YAMLNode.Member] = []
        while true {
            let event = try next()
            if case .end = event { return members }
            guard case .scalar(let key, _, let line) = event else {
                throw YAMLError(line: event.line, problem: "a key must be a word")
            }
            guard !members.contains(where: { $0.key == key }) else {
                throw YAMLError(line: line, problem: "\(key) is given twice")
            }
            members.append(YAMLNode.Member(key: key, line: line, value: try node(try next(), depth: depth)))
        }
    }

    // MARK: Events

    /// libyaml's events without those that carry nothing.
    private enum Event {
        case documentStart(line: Int)
        case scalar(String, isPlain: Bool, line: Int)
        case sequenceStart(line: Int)
        case mappingStart(line: Int)
        /// Of a sequence, a mapping, a document or the stream.
        case end(line: Int)

        var line: Int {
            switch self {
            case .documentStart(let line), .scalar(_, _, let line), .sequenceStart(let line),
                .mappingStart(let line), .end(let line):
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
            return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, line: line)
        case YAML_SEQUENCE_START_EVENT:
            try refuseTag(event.data.sequence_start.tag, line)
            return .sequenceStart(line: line)
        case YAML_MAPPING_START_EVENT:
            try refuseTag(event.data.mapping_start.tag, line)
            return .mappingStart(line: line)
        case YAML_DOCUMENT_START_EVENT:
            return .documentStart(line: line)
        case YAML_ALIAS_EVENT:
            throw YAMLError(line: line, problem: "aliases (*name) are not read; write the value out")
        default:
            return .end(line: line)
        }
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
