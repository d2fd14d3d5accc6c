import Client
import Consumer

/// What the command line asks for. Performs no I/O.
struct CommandLineArguments: Equatable, Sendable {
    /// What the program is to do.
    enum Action: Equatable, Sendable { case run, help, version, checkConfiguration, configSchema }

    private(set) var action = Action.run
    private(set) var assignments: [Assignment] = []
    /// `--config`.
    private(set) var configFile: String?
    private(set) var mistakes: [Mistake] = []

    /// Reads arguments without the program's name. `--flag value` and `--flag=value` are the same; `help` and `version`
    /// may come alone without their dashes.
    init(_ arguments: [String]) {
        var rest = arguments[...]
        if let word = rest.first, let action = Self.words[word] {
            if rest.count == 1 {
                self.action = action
            } else {
                // Whoever goes on expects something of it, `help put` say, and is not to think that this was it.
                mistakes.append(Mistake(nil, "\"\(rest[rest.startIndex + 1])\" is unexpected after \(word)"))
            }
            return
        }
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                take(short: argument, &rest)
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            take(String(parts[0]), inline: parts.count == 2 ? String(parts[1]) : nil, &rest)
        }
    }

    private mutating func take(short argument: String, _ rest: inout ArraySlice<String>) {
        if argument == "-h" {
            action = .help
            return
        }
        let name = String(argument.hasPrefix("-") ? argument.dropFirst() : argument[...])
        mistakes.append(Mistake(nil, "\"\(argument)\" is no option" + Self.hintOfWord(name)))
        skipValue(nil, &rest)
    }

    private mutating func take(_ flag: String, inline: String?, _ rest: inout ArraySlice<String>) {
        let origin = Origin.commandLine(flag: "--" + flag)
        if let action = Self.actions[flag] {
            if inline != nil { mistakes.append(Mistake(origin, "takes no value")) }
            self.action = action
        } else if flag == "config" {
            guard let value = value(inline, &rest, origin) else { return }
            if configFile != nil { mistakes.append(Mistake(origin, "is given twice")) }
            configFile = value
        } else if let option = Self.option(flag) {
            guard let value = option.hasArgument ? value(inline, &rest, origin) : inline ?? "true" else { return }
            add(option.name, value, isList: option.isList, origin)
        } else {
            mistakes.append(Mistake(origin, "there is no such option" + Self.hint(flag)))
            skipValue(inline, &rest)
        }
    }

    /// What follows a refused flag is its value, and no mistake of its own.
    private func skipValue(_ inline: String?, _ rest: inout ArraySlice<String>) {
        while inline == nil, rest.first?.hasPrefix("-") == false { rest.removeFirst() }
    }

    private mutating func value(
        _ inline: String?, _ rest: inout ArraySlice<String>, _ origin: Origin
    ) -> String? {
        if let inline { return inline }
        guard let next = rest.first, !next.hasPrefix("--") else {
            mistakes.append(Mistake(origin, "needs a value"))
            return nil
        }
        rest.removeFirst()
        return next
    }

    private mutating func add(_ name: String, _ value: String, isList: Bool, _ origin: Origin) {
        guard let index = assignments.firstIndex(where: { $0.name == name }) else {
            assignments.append(Assignment(name: name, values: [value], origin: origin))
            return
        }
        guard isList else {
            let mistake = Mistake(origin, "is given twice")
            if !mistakes.contains(mistake) { mistakes.append(mistake) }
            return
        }
        assignments[index] = Assignment(name: name, values: assignments[index].values + [value], origin: origin)
    }

    // MARK: Flags

    private static let actions: [String: Action] = [
        "help": .help, "version": .version, "check-config": .checkConfiguration,
        "config-schema": .configSchema,
    ]

    private static let words: [String: Action] = ["help": .help, "version": .version]

    private static func option(_ flag: String) -> (name: String, hasArgument: Bool, isList: Bool)? {
        if flag == "consumer-group" { return ("consumerGroup", true, false) }
        guard let option = ProgramOption.all.first(where: { $0.flag == flag }) else { return nil }
        return (option.name, option.argument != .none, option.isList)
    }

    /// Every flag there is, without dashes.
    static var flags: [String] {
        ProgramOption.all.compactMap(\.flag) + Array(actions.keys) + ["config", "consumer-group"]
    }

    /// What somebody meant with a word without dashes: a command, which stands first, or a flag.
    private static func hintOfWord(_ word: String) -> String {
        let commands = ClientCommand.all.map(\.name)
        if commands.contains(word) { return "; \(word) is a command, and stands first" }
        let isFlag = flags.contains(word) || NearestName.of(word, among: flags) != nil
        return isFlag ? hint(word) : NearestName.of(word, among: commands).map { "; did you mean \($0)?" } ?? hint(word)
    }

    /// What somebody meant: an option that only file and environment take, or a flag that is spelled otherwise.
    private static func hint(_ flag: String) -> String {
        if flags.contains(flag) { return "; did you mean --\(flag)?" }
        let name = OptionName.camelCase(flag, separator: "-")
        if ConfigFileSettings.EntryList(rawValue: name) != nil {
            return "; \(name) are listed in the configuration file only"
        }
        if OptionName.all.contains(name) {
            return "; set \(OptionName.variable(name)), or \(name) in the configuration file"
        }
        let near = NearestName.of(flag, among: flags)
        return near.map { "; did you mean --\($0)?" } ?? "; --help lists them"
    }
}
