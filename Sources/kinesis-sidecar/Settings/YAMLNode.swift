import Bytes

/// A YAML document as a tree whose nodes know their lines. Everything is text: the tables of options read values.
indirect enum YAMLNode: Equatable, Sendable {
    /// `isPlain`: written without quotes, so that `~` and nothing at all mean null.
    case scalar(String, isPlain: Bool, line: Int)
    case sequence([YAMLNode], line: Int)
    /// In the order of the document; the reader refuses a key that occurs twice.
    case mapping([Member], line: Int)

    struct Member: Equatable, Sendable {
        let key: String
        let line: Int
        let value: YAMLNode
    }

    /// 1-based.
    var line: Int {
        switch self {
        case .scalar(_, _, let line), .sequence(_, let line), .mapping(_, let line): line
        }
    }

    var isNull: Bool {
        guard case .scalar(let text, isPlain: true, _) = self else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Whether it is a number or a truth value, which quotes would make text (YAML 1.2's core schema).
    var isNumberOrTruth: Bool {
        guard case .scalar(let text, isPlain: true, _) = self else { return false }
        if ["true", "false"].contains(text.lowercased()) { return true }
        return text.utf8.first.map { $0.isDigit || "+-.".utf8.contains($0) } == true && Double(text) != nil
    }
}

/// Why a text is no configuration.
struct YAMLError: Error, Equatable, Sendable {
    /// 1-based.
    let line: Int
    let problem: String
}
