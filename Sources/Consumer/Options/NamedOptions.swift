/// Options that somebody named explicitly, checked: what a request or an entry of the configuration asks for.
///
/// What is not named is not compared and does not change. Performs no I/O.
package struct NamedOptions: Equatable, Sendable {
    package struct Item: Equatable, Sendable {
        package let name: String
        /// In the option's own notation, as it was given.
        package let text: String
        let value: OptionValue
    }

    package private(set) var items: [Item] = []

    package init() {}

    /// Reads named options.
    /// - Parameters:
    ///   - pairs: names and values as text, in the order in which they were given.
    ///   - scope: `.query` for a request's parameters, `.configuration` for a file, the environment, a command line.
    /// - Throws: the first mistake.
    package init(_ pairs: some Sequence<(String, String)>, from scope: ConsumerOption.Scope)
        throws(ConsumerOptionError)
    {
        for (name, text) in pairs {
            guard !items.contains(where: { $0.name == name }) else { throw .repeated(option: name) }
            items.append(try Self.read(name, text, from: scope))
        }
        try checkTogether()
    }

    /// Whether there is such an option with such a value; what it needs beside it is not looked at.
    package static func check(_ name: String, _ text: String, from scope: ConsumerOption.Scope)
        throws(ConsumerOptionError)
    {
        _ = try read(name, text, from: scope)
    }

    private static func read(_ name: String, _ text: String, from scope: ConsumerOption.Scope)
        throws(ConsumerOptionError) -> Item
    {
        guard let option = ConsumerOption.named(name) else {
            if let place = ConsumerOption.place(insteadOf: name) { throw .elsewhere(option: name, place: place) }
            throw .unknown(option: name)
        }
        guard option.scope == .query || scope == .configuration else { throw .configurationOnly(option: name) }
        guard let value = option.kind.read(text) else {
            throw .badValue(option: name, value: text, accepted: option.kind.accepted)
        }
        return Item(name: name, text: text, value: value)
    }

    /// AT_TIMESTAMP and its moment are named together, or not at all: one of them alone says nothing.
    private func checkTogether() throws(ConsumerOptionError) {
        let position = items.first { $0.name == "initialPositionInStream" }?.text
        let hasMoment = items.contains { $0.name == "initialTimestamp" }
        guard (position == "AT_TIMESTAMP") != hasMoment else { return }
        if hasMoment { throw .incomplete(option: "initialTimestamp", needs: "initialPositionInStream=AT_TIMESTAMP") }
        throw .incomplete(option: "initialPositionInStream", needs: "initialTimestamp")
    }

    /// The named group, nil when none was named.
    package var consumerGroup: String? {
        items.first { $0.name == "consumerGroup" }?.text
    }

    /// These options over others.
    package func applied(to options: ConsumerOptions) -> ConsumerOptions {
        var options = options
        for item in items { ConsumerOption.named(item.name)?.apply(&options, item.value) }
        return options
    }

    /// The first of the named options whose value is not the one that is held, nil when none differs.
    package func conflict(with held: ConsumerOptions) -> OptionConflict? {
        for item in items {
            guard let option = ConsumerOption.named(item.name) else { continue }
            var asked = held
            option.apply(&asked, item.value)
            if asked != held {
                return OptionConflict(option: item.name, held: option.show(held), asked: item.text)
            }
        }
        return nil
    }
}

/// An option that a running consumer holds with another value than a request asks for.
package struct OptionConflict: Hashable, Sendable {
    package let option: String
    package let held: String
    package let asked: String
}

extension ConsumerOptions {
    /// Every option with the value in force, in the table's order: for the status routes and `--check-config`.
    package var named: [(name: String, text: String)] {
        ConsumerOption.all.map { ($0.name, $0.show(self)) }
    }
}
