/// The words behind a command, held to its row. Performs no I/O.
package struct CommandValues: Equatable, Sendable {
    package private(set) var operands: [String] = []
    private var values: [String: [String]] = [:]

    /// - Throws: `.usage`, which names the word that is wrong and what is accepted.
    package init(_ arguments: [String], of command: ClientCommand) throws(ClientError) {
        var rest = arguments[...]
        var hasEnded = false
        while let word = rest.popFirst() {
            if hasEnded || word == "-" || !word.hasPrefix("-") {
                operands.append(word)
            } else if word == "--" {
                hasEnded = true
            } else {
                try take(word, &rest, command)
            }
        }
        // Whoever asks for help needs no more.
        if !has("help") { try check(command) }
    }

    /// Whether an option without a value was given.
    package func has(_ name: String) -> Bool { values[name] != nil }

    /// The value of an option that is given once.
    package func text(_ name: String) -> String? { values[name]?.last }

    package func all(_ name: String) -> [String] { values[name] ?? [] }

    /// - Throws: `.usage` for what is no whole number of the range.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(ClientError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw .usage("--\(name): \"\(text)\" is not accepted; accepted: \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// - Throws: `.usage` where both were given.
    func refuse(_ name: String, with other: String) throws(ClientError) {
        if has(name), has(other) { throw .usage("--\(name) does not go with --\(other)") }
    }

    private mutating func take(
        _ word: String, _ rest: inout ArraySlice<String>, _ command: ClientCommand
    ) throws(ClientError) {
        let isLong = word.hasPrefix("--")
        // `--key=K`, `-n5`.
        let cut = isLong ? word.firstIndex(of: "=") ?? word.endIndex : word.index(word.startIndex, offsetBy: 2)
        let flag = word[..<cut]
        var inline = cut == word.endIndex ? nil : String(word[cut...])
        if isLong { inline = inline.map { String($0.dropFirst()) } }
        let option = command.options.first { option in
            isLong ? "--" + option.name == flag : option.letter.map { "-\($0)" } == String(flag)
        }
        guard let option else { throw .usage("there is no option \(flag)\(Self.hint(String(flag), command))") }
        guard option.isRepeated || !has(option.name) else { throw .usage("\(flag) is given twice") }
        guard option.argument != .none else {
            guard inline == nil else { throw .usage("\(flag) takes no value") }
            values[option.name] = []
            return
        }
        guard let value = inline ?? rest.popFirst() else {
            throw .usage("\(flag) needs a value: \(option.argument.placeholder ?? "")")
        }
        if case .choice(let words) = option.argument, !words.contains(value) {
            throw .usage("\(flag): \"\(value)\" is not accepted; accepted: \(words.joined(separator: ", "))")
        }
        values[option.name, default: []].append(value)
    }

    private func check(_ command: ClientCommand) throws(ClientError) {
        var given = operands.count
        for operand in command.operands {
            switch operand.count {
            case .one:
                guard given > 0 else { throw .usage("\(operand.name) is missing\(Self.usage(command))") }
                given -= 1
            case .optional: given = max(0, given - 1)
            case .any: given = 0
            }
        }
        guard given == 0 else {
            throw .usage("\"\(operands[operands.count - given])\" is unexpected\(Self.usage(command))")
        }
        for (operand, word) in zip(command.operands, operands)
        where !operand.words.isEmpty && !operand.words.contains(word) {
            throw .usage("\"\(word)\" is not accepted; accepted: \(operand.words.joined(separator: ", "))")
        }
    }

    private static func usage(_ command: ClientCommand) -> String { "; usage: \(command.usage)" }

    private static func hint(_ flag: String, _ command: ClientCommand) -> String {
        let names = command.options.map { "--" + $0.name }
        // Somebody who mistypes an option mostly begins it right.
        let near = names.first { $0.hasPrefix(flag) } ?? names.first { $0.prefix(4) == flag.prefix(4) }
        return near.map { "; did you mean \($0)?" } ?? "; \(command.name) --help lists them"
    }
}
