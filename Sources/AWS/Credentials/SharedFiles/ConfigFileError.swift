import Glibc

/// What is wrong with a shared AWS config or credentials file.
package enum ConfigFileError: Error, Hashable, Sendable {
    /// A line that is neither a section, a setting nor a comment. `line` counts from 1.
    case badLine(file: String, line: Int, problem: Problem)
    /// The file that a variable names cannot be read; `code` is the errno.
    case unreadable(file: String, code: Int32)
    /// Larger than `limit` bytes.
    case tooLarge(file: String, limit: Int)

    package enum Problem: Hashable, Sendable {
        case notUTF8
        /// `[` without `]`, or text behind it.
        case unclosedSection
        case emptySectionName
        /// A setting before the first section.
        case outsideSection
        /// No `=`, or nothing before it.
        case noKey
        /// An indented line with nothing above that it could belong to.
        case strayContinuation
    }
}

extension ConfigFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badLine(let file, let line, let problem): "\(file), line \(line): \(problem)"
        case .unreadable(let file, let code): "\(file) cannot be read: \(String(cString: strerror(code))) (\(code))"
        case .tooLarge(let file, let limit): "\(file) is larger than \(limit) bytes"
        }
    }
}

extension ConfigFileError.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notUTF8: "the text is not UTF-8"
        case .unclosedSection: "a section needs ] at its end"
        case .emptySectionName: "a section needs a name between [ and ]"
        case .outsideSection: "a setting needs a [section] above it"
        case .noKey: "a setting is written name = value"
        case .strayContinuation: "an indented line needs a setting above it"
        }
    }
}
