/// A shared AWS config or credentials file as its sections and settings. Performs no I/O.
///
/// Lines are sections `[name]`, settings `key = value`, comments behind `#` or `;` (behind a value only after a space),
/// and indented lines: below a setting without a value they are settings of their own, else they go on with the value.
/// A section that occurs again adds to the first one; of two equal keys the later one counts.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
package struct ConfigFile: Hashable, Sendable {
    package struct Section: Hashable, Sendable {
        package var settings: [String: String] = [:]
        package var nested: [String: [String: String]] = [:]
    }

    /// The largest file that is read, bytes: a thousand times an ordinary one.
    package static let sizeLimit = 1024 * 1024

    /// By the text between the brackets, with single spaces inside.
    package private(set) var sections: [String: Section] = [:]

    private let name: String
    private var section: String?
    private var key: String?

    /// - Parameter name: how errors call the file.
    package init(_ bytes: UnsafeRawBufferPointer, name: String) throws(ConfigFileError) {
        self.name = name
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let content = bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...]
        var number = 0
        for line in content.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            guard let text = String(validating: line, as: UTF8.self) else {
                throw .badLine(file: name, line: number, problem: .notUTF8)
            }
            try read(text, number)
        }
    }

    /// The same from a text.
    package init(_ text: String, name: String) throws(ConfigFileError) {
        let result: Result<ConfigFile, ConfigFileError> = Array(text.utf8).withUnsafeBytes { bytes in
            do throws(ConfigFileError) { return .success(try ConfigFile(bytes, name: name)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    private mutating func read(_ line: String, _ number: Int) throws(ConfigFileError) {
        let isIndented = line.first.map(Self.isSpace) ?? false
        let text = Self.trim(line[...])
        guard let first = text.first, first != "#", first != ";" else { return }
        if isIndented, key != nil { return try readContinuation(text, number) }
        if first == "[" { return try readSection(text, number) }
        if isIndented, section != nil { throw .badLine(file: name, line: number, problem: .strayContinuation) }
        try readSetting(text, number)
    }

    private mutating func readSection(_ text: Substring, _ number: Int) throws(ConfigFileError) {
        let header = Self.withoutComment(text)
        guard header.last == "]" else { throw .badLine(file: name, line: number, problem: .unclosedSection) }
        let words = header.dropFirst().dropLast().split(whereSeparator: Self.isSpace)
        guard !words.isEmpty else { throw .badLine(file: name, line: number, problem: .emptySectionName) }
        let title = words.joined(separator: " ")
        section = title
        key = nil
        if sections[title] == nil { sections[title] = Section() }
    }

    private mutating func readSetting(_ text: Substring, _ number: Int) throws(ConfigFileError) {
        guard let section else { throw .badLine(file: name, line: number, problem: .outsideSection) }
        let (key, value) = try pair(text, number)
        self.key = key
        sections[section, default: Section()].settings[key] = value
        sections[section, default: Section()].nested[key] = nil
    }

    private mutating func readContinuation(_ text: Substring, _ number: Int) throws(ConfigFileError) {
        guard let section, let key else { return }
        let value = sections[section, default: Section()].settings[key] ?? ""
        if value.isEmpty {
            let (inner, value) = try pair(text, number)
            sections[section, default: Section()].nested[key, default: [:]][inner] = value
        } else {
            sections[section, default: Section()].settings[key] = value + "\n" + Self.withoutComment(text)
        }
    }

    private func pair(_ text: Substring, _ number: Int) throws(ConfigFileError) -> (String, String) {
        guard let equals = text.firstIndex(of: "=") else { throw .badLine(file: name, line: number, problem: .noKey) }
        let key = Self.trim(text[..<equals])
        guard !key.isEmpty else { throw .badLine(file: name, line: number, problem: .noKey) }
        let value = Self.trim(Self.withoutComment(text[text.index(after: equals)...]))
        return (key.lowercased(), String(value))
    }

    // MARK: Text

    /// Cuts off a `#` or `;` that stands behind a space, and what follows.
    private static func withoutComment(_ text: Substring) -> Substring {
        var previous: Character = "x"
        for index in text.indices {
            let character = text[index]
            if character == "#" || character == ";", isSpace(previous) { return trim(text[..<index]) }
            previous = character
        }
        return text
    }

    private static func isSpace(_ character: Character) -> Bool {
        character == " " || character == "\t" || character == "\r" || character == "\u{0B}" || character == "\u{0C}"
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
