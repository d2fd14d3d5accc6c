/// Scripts by which shells complete the command line, made of the commands' table and the server's flags. Performs no I/O.
package struct Completion {
    package enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

    /// A flag as a shell has to know it.
    package struct Flag: Sendable {
        /// Without its dashes.
        let name: String
        let letter: Character?
        let argument: ClientCommand.Argument
        let help: String

        package init(_ name: String, letter: Character? = nil, _ argument: ClientCommand.Argument, help: String) {
            self.name = name
            self.letter = letter
            self.argument = argument
            self.help = help
        }

        fileprivate var words: [String] { ["--" + name] + (letter.map { ["-\($0)"] } ?? []) }
    }

    /// A command, or the server where `name` is nil.
    private struct Entry {
        let name: String?
        let flags: [Flag]
        let words: [String]
    }

    private static let program = "kinesis-sidecar"
    private let serverFlags: [Flag]
    private let commands = ClientCommand.all

    package init(serverFlags: [Flag]) {
        self.serverFlags = serverFlags
    }

    package func script(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private var entries: [Entry] {
        let server = Entry(name: nil, flags: serverFlags, words: commands.map(\.name) + ["help", "version"])
        let help = Entry(name: "help", flags: [], words: commands.map(\.name))
        return [server, help]
            + commands.map { command in
                Entry(
                    name: command.name,
                    flags: command.options.map { Flag($0.name, letter: $0.letter, $0.argument, help: $0.help) },
                    words: command.operands.flatMap(\.words))
            }
    }

    // MARK: bash

    private var bash: String {
        """
        # bash completion of kinesis-sidecar: source <(kinesis-sidecar completion bash)
        _kinesis_sidecar() {
            local cur prev command flags words value
            # Bash takes = for a word of its own: --flag=value and --flag value are completed alike.
            cur=${COMP_WORDS[COMP_CWORD]}
            prev=${COMP_WORDS[COMP_CWORD-1]}
            if [[ $cur == = ]]; then
                cur=
            elif [[ $prev == = && $COMP_CWORD -gt 2 ]]; then
                prev=${COMP_WORDS[COMP_CWORD-2]}
            fi
            COMPREPLY=()
            command=
            if (( COMP_CWORD > 1 )); then command=${COMP_WORDS[1]}; fi
            case $command in
        \(entries.filter { $0.name != nil }.map(bashCase).joined(separator: "\n"))
            *)
        \(entries.filter { $0.name == nil }.map(bashBody).joined())
                ;;
            esac
            case $value in
            files) COMPREPLY=($(compgen -f -- "$cur")); return ;;
            text) return ;;
            ?*) COMPREPLY=($(compgen -W "$value" -- "$cur")); return ;;
            esac
            if [[ $cur == -* ]]; then words=$flags; elif [[ -z $command && $COMP_CWORD -gt 1 ]]; then words=; fi
            COMPREPLY=($(compgen -W "$words" -- "$cur"))
        }
        complete -o filenames -F _kinesis_sidecar \(Self.program)

        """
    }

    private func bashCase(_ entry: Entry) -> String {
        "    \(entry.name ?? "*"))\n\(bashBody(entry))\n        ;;"
    }

    private func bashBody(_ entry: Entry) -> String {
        var lines = [
            "        flags='\(entry.flags.flatMap(\.words).joined(separator: " "))'",
            "        words='\(entry.words.joined(separator: " "))'",
        ]
        let withValues = entry.flags.filter { $0.argument != .none }
        if !withValues.isEmpty {
            lines.append("        case $prev in")
            for flag in withValues {
                lines.append(
                    "        \(flag.words.joined(separator: "|"))) value='\(Self.bashValue(flag.argument))' ;;")
            }
            lines.append("        esac")
        }
        return lines.joined(separator: "\n")
    }

    private static func bashValue(_ argument: ClientCommand.Argument) -> String {
        switch argument {
        case .none: ""
        case .text: "text"
        case .file: "files"
        case .choice(let words): words.joined(separator: " ")
        }
    }

    // MARK: zsh

    private var zsh: String {
        let cases = entries.filter { $0.name != nil }.map { entry in
            "    \(entry.name ?? "")) shift words; (( CURRENT-- )); _arguments -s \(zshArguments(entry)) ;;"
        }
        let server = entries.filter { $0.name == nil }.map(zshArguments).joined()
        let names = commands.map { "'\($0.name):\(Self.zshText($0.summary))'" }
        return """
            #compdef \(Self.program)
            # zsh completion of kinesis-sidecar: kinesis-sidecar completion zsh > "${fpath[1]}/_kinesis-sidecar"
            _kinesis_sidecar() {
                local -a commands
                commands=(\(names.joined(separator: " ")) 'help:print the help of a command' 'version:print the version')
                if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
                    _describe command commands
                    return
                fi
                case $words[2] in
            \(cases.joined(separator: "\n"))
                *) _arguments -s \(server) ;;
                esac
            }
            if [[ $funcstack[1] == _kinesis-sidecar ]]; then
                _kinesis_sidecar "$@"
            else
                compdef _kinesis_sidecar \(Self.program)
            fi

            """
    }

    private func zshArguments(_ entry: Entry) -> String {
        var parts: [String] = []
        for flag in entry.flags {
            for word in flag.words {
                let value: String
                switch flag.argument {
                case .none: value = ""
                case .text(let name): value = ":\(Self.zshText(name)): "
                case .file(let name): value = ":\(Self.zshText(name)):_files"
                case .choice(let words): value = ":value:(\(words.joined(separator: " ")))"
                }
                parts.append("'*\(word)[\(Self.zshText(flag.help))]\(value)'")
            }
        }
        let hasWords = !entry.words.isEmpty && entry.name != nil
        parts.append(hasWords ? "'1:word:(\(entry.words.joined(separator: " ")))'" : "'*: : '")
        return parts.joined(separator: " ")
    }

    /// Within single quotes, in a place where brackets and colons have a meaning.
    private static func zshText(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "'": result += "'\\''"
            case "[", "]", ":", "\\": result += "\\\(character)"
            default: result.append(character)
            }
        }
        return result
    }

    // MARK: fish

    private var fish: String {
        var lines = [
            "# fish completion of kinesis-sidecar: kinesis-sidecar completion fish | source",
            "complete -c \(Self.program) -f",
        ]
        for command in commands {
            let what = "-a \(command.name) -d '\(Self.fishText(command.summary))'"
            lines.append("complete -c \(Self.program) -n __fish_is_first_token \(what)")
        }
        for entry in entries {
            let names = commands.map(\.name).joined(separator: " ")
            let condition =
                entry.name.map { "__fish_seen_subcommand_from \($0)" }
                ?? "not __fish_seen_subcommand_from \(names) help"
            for flag in entry.flags { lines.append(fishLine(flag, condition)) }
            if entry.name != nil, !entry.words.isEmpty {
                lines.append(
                    "complete -c \(Self.program) -n '\(condition)' -a '\(entry.words.joined(separator: " "))'")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func fishLine(_ flag: Flag, _ condition: String) -> String {
        var line = "complete -c \(Self.program) -n '\(condition)' -l \(flag.name)"
        if let letter = flag.letter { line += " -s \(letter)" }
        switch flag.argument {
        case .none: break
        case .text: line += " -x"
        case .file: line += " -r -F"
        case .choice(let words): line += " -x -a '\(words.joined(separator: " "))'"
        }
        return line + " -d '\(Self.fishText(flag.help))'"
    }

    private static func fishText(_ text: String) -> String {
        var result = ""
        for character in text {
            if character == "'" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
