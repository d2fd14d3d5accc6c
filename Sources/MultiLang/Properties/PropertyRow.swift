/// One row of the table of what may stand in a properties file of the MultiLangDaemon: the only place that knows what a key
/// means here.
package struct PropertyRow: Sendable {
    /// Spelled as KCL does, all with the same meaning. One that ends with `.*` stands for all that begin so.
    package let keys: [String]
    package let meaning: PropertyMeaning

    init(_ keys: String..., is meaning: PropertyMeaning) {
        self.keys = keys
        self.meaning = meaning
    }

    /// What KCL takes in any case; it takes all other keys as they are.
    private static let inAnyCase = "awscredentialsprovider"

    /// Whether a key has class names of credentials as its value, and with them perhaps a secret.
    static func isOfCredentials(_ key: String) -> Bool { key.lowercased().hasPrefix(inAnyCase) }

    /// The row of a key; nil: KCL would not know it either.
    package static func of(_ key: String) -> PropertyRow? {
        let name = normalized(key)
        return byKey[name] ?? byPrefix.first { name.hasPrefix($0.prefix) }?.row
    }

    private static let byKey: [String: PropertyRow] = {
        var rows: [String: PropertyRow] = [:]
        for row in all { for key in row.keys { rows[normalized(key)] = row } }
        return rows
    }()

    private static let byPrefix: [(prefix: String, row: PropertyRow)] = all.flatMap { row in
        row.keys.filter { $0.hasSuffix(".*") }.map { (normalized(String($0.dropLast())), row) }
    }

    private static func normalized(_ key: String) -> String { isOfCredentials(key) ? key.lowercased() : key }
}

/// What a property becomes.
package enum PropertyMeaning: Sendable {
    /// The program that each child runs.
    case command
    case stream(StreamProperty)
    /// Options that get its value, converted.
    case options([OptionPlace], PropertyConversion)
    /// Credentials of the service whose options begin so: class names.
    case credentials(of: String)
    /// No effect, and why.
    case nothing(String)
    /// A mistake, and what to write instead.
    case refused(String)
}

/// By which property a stream is named.
package enum StreamProperty: Sendable { case name, arn }

/// An option of ours.
package enum OptionPlace: Hashable, Sendable {
    /// Of the whole process.
    case process(String)
    /// Of the consumer that the application is.
    case consumer(String)
    /// `ProcessorOption`.
    case processor(String)

    package var name: String {
        switch self {
        case .process(let name), .consumer(let name), .processor(let name): name
        }
    }
}
