/// Why state cannot be read or written.
package enum StateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// SQLite refused; `reason` names the call, the code and its text.
    case database(reason: String)
    /// A row holds what this program never writes: the file is damaged or another program's.
    case unreadable(table: String, value: String)

    package var description: String {
        switch self {
        case .database(let reason): "the state database: \(reason)"
        case .unreadable(let table, let value): "the state database's table \(table) holds \"\(value)\""
        }
    }
}
