/// Options of the program that a later version brings: each is refused by name, never accepted without effect.
enum LaterOption {
    static let flags: Set<String> = ["s3-endpoint", "sts-endpoint"]

    /// The families' names in the configuration file and the environment; `s3` stands in the consumer's table.
    static let families: Set<String> = ["sts"]

    static func isFamily(_ name: String) -> Bool {
        families.contains(String(name.prefix { $0 != "." }))
    }
}
