import CSQLite

/// What went wrong in a database.
package enum SQLiteError: Error, Equatable, CustomStringConvertible {
    /// A call of the library failed: what was attempted, the extended result code, and the library's own words.
    case failed(attempt: String, code: Int32, message: String)
    /// The file was written by a newer program: its schema version and the newest one that this program knows.
    case newerSchema(found: Int, known: Int)
    /// The database was closed before the work was done; nothing of it was stored.
    case closed

    /// The primary result code (SQLITE_FULL, SQLITE_READONLY, …); nil where no call failed.
    package var primaryCode: Int32? {
        guard case .failed(_, let code, _) = self else { return nil }
        return code & 0xff
    }

    package var isDiskFull: Bool { primaryCode == SQLITE_FULL }
    package var isReadOnly: Bool { primaryCode == SQLITE_READONLY || primaryCode == SQLITE_CANTOPEN }
    package var isDamaged: Bool { primaryCode == SQLITE_CORRUPT || primaryCode == SQLITE_NOTADB }

    package var description: String {
        switch self {
        case .failed(let attempt, let code, let message): "\(attempt): \(message) (SQLite \(code))"
        case .newerSchema(let found, let known):
            "the database has schema version \(found), this program knows versions up to \(known): use a newer program or another data folder"
        case .closed: "the database is closed"
        }
    }
}
