import Consumer

/// One row of the program's own options; a consumer's options have their table in Consumer (`ConsumerOption.all`).
///
/// Configuration file and environment take every row; the command line takes those that have a flag.
struct ProgramOption: Sendable {
    /// A value that is not what the option accepts.
    struct BadValue: Error {
        let value: String
        let accepted: String
    }

    /// What the command line writes after the flag.
    enum Argument: Equatable, Sendable {
        /// The flag alone means true.
        case none
        /// Stands in the help.
        case value(String)
    }

    /// What a value is.
    enum Shape {
        case of(OptionKind)
        /// Text that the option itself reads, and what is accepted, in words.
        case text(accepted: String)
    }

    let name: String
    let shape: Shape
    /// Without its dashes; nil for what only the file and the environment may say.
    let flag: String?
    let argument: Argument
    /// Several values: repeated flags, a list in the file, commas in the environment.
    let isList: Bool
    /// A list of `KEY=VALUE`, which the file may have as a mapping.
    let isMapping: Bool
    /// One line that says what it does, for `--help` and `--config-schema`.
    let help: String
    /// Takes the values, which are as many as `isList` allows.
    let apply: @Sendable (inout Settings, [String]) throws(BadValue) -> Void
    /// The value in force, for `--check-config`; secrets show as `•••`.
    let show: @Sendable (Settings) -> String

    /// `--data-dir`
    var dashedFlag: String? { flag.map { "--" + $0 } }

    /// An option with one value that `kind` reads.
    init(
        _ name: String, flag: String? = nil, _ kind: OptionKind, argument: String = "VALUE", help: String,
        apply: @escaping @Sendable (inout Settings, OptionValue) -> Void,
        show: @escaping @Sendable (Settings) -> String
    ) {
        self.init(
            name, .of(kind), flag: flag, argument: kind == .boolean ? .none : .value(argument), isList: false,
            isMapping: false,
            help: help,
            apply: { (settings, values) throws(BadValue) in
                guard let value = kind.read(values[0]) else {
                    throw BadValue(value: values[0], accepted: kind.accepted)
                }
                apply(&settings, value)
            }, show: show)
    }

    /// An option whose value the closure reads; it returns false for one that is not accepted.
    init(
        _ name: String, flag: String? = nil, accepted: String, argument: String = "VALUE", help: String,
        apply: @escaping @Sendable (inout Settings, String) -> Bool,
        show: @escaping @Sendable (Settings) -> String
    ) {
        self.init(
            name, .text(accepted: accepted), flag: flag, argument: .value(argument), isList: false, isMapping: false,
            help: help,
            apply: { (settings, values) throws(BadValue) in
                if !apply(&settings, values[0]) { throw BadValue(value: values[0], accepted: accepted) }
            }, show: show)
    }

    /// An option with a list. `read` makes elements of each value, or refuses it with nil.
    /// - Parameter key: of which an element may have no other's; nil: they may be alike.
    init<Element>(
        list name: String, flag: String? = nil, accepted: String, argument: String = "VALUE", help: String,
        isMapping: Bool = false, key: (@Sendable (Element) -> String)? = nil,
        read: @escaping @Sendable (String) -> [Element]?,
        apply: @escaping @Sendable (inout Settings, [Element]) -> Void,
        show: @escaping @Sendable (Settings) -> String
    ) {
        self.init(
            name, .text(accepted: accepted), flag: flag, argument: .value(argument), isList: true, isMapping: isMapping,
            help: help,
            apply: { (settings, values) throws(BadValue) in
                var elements: [Element] = []
                for value in values {
                    guard let more = read(value) else { throw BadValue(value: value, accepted: accepted) }
                    elements += more
                    guard let key, Set(elements.map(key)).count < elements.count else { continue }
                    throw BadValue(value: value, accepted: accepted)
                }
                apply(&settings, elements)
            }, show: show)
    }

    private init(
        _ name: String, _ shape: Shape, flag: String?, argument: Argument, isList: Bool, isMapping: Bool, help: String,
        apply: @escaping @Sendable (inout Settings, [String]) throws(BadValue) -> Void,
        show: @escaping @Sendable (Settings) -> String
    ) {
        self.name = name
        self.shape = shape
        self.flag = flag
        self.argument = argument
        self.isList = isList
        self.isMapping = isMapping
        self.help = help
        self.apply = apply
        self.show = show
    }
}
