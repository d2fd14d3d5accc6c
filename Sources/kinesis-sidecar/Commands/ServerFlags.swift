import Client

extension CommandLineArguments {
    /// The server's flags with what stands behind them, for completion.
    static var completionFlags: [Completion.Flag] {
        Help.flags.map { flag in
            let argument: ClientCommand.Argument =
                switch flag.argument {
                case .none: .none
                case .value(let name) where name == "FILE" || name == "DIR": .file(name)
                case .value(let name) where name.contains("|"): .choice(name.split(separator: "|").map(String.init))
                case .value(let name): .text(name)
                }
            return Completion.Flag(flag.name, argument, help: flag.help)
        }
    }
}
