/// One command, most of which talk to a running sidecar: from its row parsing, help and completion are made.
package struct ClientCommand: Sendable {
    /// What may stand behind an option.
    package enum Argument: Equatable, Sendable {
        /// The option alone.
        case none
        /// Its name in the help.
        case text(String)
        case file(String)
        case choice([String])

        /// As the help shows it; nil: none.
        package var placeholder: String? {
            switch self {
            case .none: nil
            case .text(let name), .file(let name): name
            case .choice(let words): words.joined(separator: "|")
            }
        }
    }

    package struct Option: Sendable {
        /// Without its dashes.
        package let name: String
        /// `-n`, without its dash.
        package var letter: Character?
        package let argument: Argument
        package var isRepeated = false
        package let help: String

        package init(
            _ name: String, letter: Character? = nil, _ argument: Argument = .none, isRepeated: Bool = false,
            help: String
        ) {
            self.name = name
            self.letter = letter
            self.argument = argument
            self.isRepeated = isRepeated
            self.help = help
        }
    }

    /// What stands without dashes, in order.
    package struct Operand: Sendable {
        enum Count { case one, optional, any }

        let name: String
        let count: Count
        var words: [String] = []

        init(_ name: String, _ count: Count = .one, words: [String] = []) {
            self.name = name
            self.count = count
            self.words = words
        }

        /// `STREAM`, `[COMMAND]`, `[DATA]…`
        var usage: String {
            switch count {
            case .one: name
            case .optional: "[\(name)]"
            case .any: "[\(name)]…"
            }
        }
    }

    package let name: String
    package let operands: [Operand]
    /// Its own, before those that all commands have.
    let own: [Option]
    /// One line for the general help.
    package let summary: String
    /// Paragraphs of its own help: what it prints, and with which code it ends.
    let details: String
    /// Lines that can be typed.
    let examples: [String]
    let action: Action

    /// What carries the command out.
    enum Action: Sendable {
        /// Asks a sidecar. True: exit code 0, false: 1.
        case asking(@Sendable (CommandValues, ClientContext) async throws(ClientError) -> Bool)
        /// Asks AWS, as the program itself does with its configuration, and no sidecar.
        case ofProgram
        /// Prints a text that needs nobody.
        case printing(@Sendable (CommandValues, [Completion.Flag]) throws(ClientError) -> String)
    }

    init(
        _ name: String, _ operands: [Operand] = [], _ own: [Option] = [], summary: String, details: String = "",
        examples: [String] = [], action: Action
    ) {
        self.name = name
        self.operands = operands
        self.own = own
        self.summary = summary
        self.details = details
        self.examples = examples
        self.action = action
    }

    /// Everything that may stand behind the command with dashes.
    package var options: [Option] {
        let help = Option("help", letter: "h", help: "print this")
        switch action {
        case .printing, .ofProgram: return own + [help]
        case .asking: return own + Self.ofConnection + [help]
        }
    }

    static let ofConnection = [
        Option("url", .text("URL"), help: "of the sidecar: http://…, https://… or unix:PATH (KINESIS_SIDECAR_URL)"),
        Option("ca-file", .file("FILE"), help: "PEM; who signs the sidecar's certificate, instead of the system's"),
    ]

    package static func named(_ name: String?) -> ClientCommand? { all.first { $0.name == name } }
}
