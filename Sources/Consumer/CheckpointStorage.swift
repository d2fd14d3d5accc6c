import State

/// Where checkpoints can be stored at present: in SQLite on this host, and in the group's item where groups are shared.
/// Performs no I/O.
package enum CheckpointStorage: Equatable, Sendable {
    /// Wherever they belong.
    case whole(isShared: Bool)
    /// In SQLite alone: the group's item cannot be written, and why.
    case sqliteAlone(item: String)
    /// In the group's item alone: SQLite is in trouble, and why. An acknowledgement is answered once the item has it.
    case itemAlone(sqlite: String)
    /// Nowhere, and why. `item`: nil: groups are not shared.
    case nowhere(sqlite: String, item: String?)

    /// - Parameters:
    ///   - isShared: whether groups are shared.
    ///   - item: why the group's item cannot be written; nil: it can, or groups are not shared.
    init(_ sqlite: StateHealth, isShared: Bool, item: String?) {
        self =
            switch (sqlite, item) {
            case (.writable, nil): .whole(isShared: isShared)
            case (.writable, let item?): .sqliteAlone(item: item)
            case (.failed(let sqlite, _), nil) where isShared: .itemAlone(sqlite: sqlite)
            case (.failed(let sqlite, _), let item): .nowhere(sqlite: sqlite, item: item)
            }
    }

    /// Whether SQLite keeps what readers were sent, so that it outlives the process: else Last-Event-ID and `unreadBytes`
    /// are off.
    package var keepsDeliveryLog: Bool { sqliteProblem == nil }

    /// Why SQLite keeps nothing; nil while it does.
    package var sqliteProblem: String? {
        switch self {
        case .whole, .sqliteAlone: nil
        case .itemAlone(let sqlite), .nowhere(let sqlite, _): sqlite
        }
    }
}
