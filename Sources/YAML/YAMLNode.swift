/// A YAML document as a tree whose nodes know their lines. Everything is text: who reads it knows what a value is.
package indirect enum YAMLNode: Equatable, Sendable {
    /// `isPlain`: written without quotes, so that `~` and nothing at all mean null.
    case scalar(String, isPlain: Bool, line: Int)
    case sequence([YAMLNode], line: Int)
    /// In the order of the document; the reader refuses a key that occurs twice.
    case mapping([Member], line: Int)

    package struct Member: Equatable, Sendable {
        package let key: String
        package let line: Int
        package let value: YAMLNode

        package init(key: String, line: Int, value: YAMLNode) {
            self.key = key
            self.line = line
            self.value = value
        }
    }

    /// 1-based.
    package var line: Int {
        switch self {
        case .scalar(_, _, let line), .sequence(_, let line), .mapping(_, let line): line
        }
    }

    package var isNull: Bool {
        guard case .scalar(let text, isPlain: true, _) = self else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Whether it is a number or a truth value, which quotes would make text (YAML 1.2's core schema).
    package var isNumberOrTruth: Bool {
        guard case .scalar(let text, isPlain: true, _) = self else { return false }
        if ["true", "false"].contains(text.lowercased()) { return true }
        return text.utf8.first.map { "0123456789+-.".utf8.contains($0) } == true && Double(text) != nil
    }
}

/// Why a text is not read.
package struct YAMLError: Error, Equatable, Sendable {
    /// 1-based.
    package let line: Int
    package let problem: String
}
