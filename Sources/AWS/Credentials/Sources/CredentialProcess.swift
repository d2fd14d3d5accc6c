/// The command of a profile's `credential_process`. Performs no I/O.
///
/// It is cut into words and run without a shell, as botocore does: blanks separate, quotes keep blanks, a backslash keeps what
/// follows outside of single quotes. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
package struct CredentialProcess: Hashable, Sendable {
    /// The program and its arguments.
    package let words: [String]

    /// What it prints is a few hundred bytes.
    static let outputLimit = 64 << 10
    /// A person may have to touch a key meanwhile.
    static let timeout = Duration.seconds(60)

    /// Nil where a quote is not closed, or where there is no word.
    package init?(_ command: String) {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var rest = Substring(command)
        while let character = rest.popFirst() {
            switch (character, quote) {
            case ("\\", nil), ("\\", "\""):
                guard let next = rest.popFirst() else { return nil }
                // Within double quotes a backslash stands for itself but before these.
                if quote != nil, next != "\"", next != "\\" { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(next)
            case (_, character): quote = nil
            case ("\"", nil), ("'", nil):
                quote = character
                word = word ?? ""
            case (" ", nil), ("\t", nil), ("\n", nil):
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        guard quote == nil, let program = words.first, !program.isEmpty else { return nil }
        guard !words.contains(where: { $0.utf8.contains(0) }) else { return nil }
        self.words = words
    }
}
