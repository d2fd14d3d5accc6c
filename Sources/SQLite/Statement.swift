import CSQLite

/// A value that is bound to a parameter. Bytes in a span are not copied: they must live until the statement has run.
package enum SQLiteValue {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
    case span(UnsafeRawBufferPointer)
}

extension SQLiteValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(nilLiteral: ()) { self = .null }

    package static func integer(_ value: Int) -> SQLiteValue { .integer(Int64(value)) }
    package static func text(_ value: String?) -> SQLiteValue { value.map { .text($0) } ?? .null }
    package static func integer(_ value: Int64?) -> SQLiteValue { value.map { .integer($0) } ?? .null }
    package static func flag(_ value: Bool) -> SQLiteValue { .integer(value ? 1 : 0) }
}

/// One prepared statement of a connection, kept and used again. Confined to its database's thread.
final class Statement {
    private let handle: OpaquePointer
    private let connection: OpaquePointer
    private let sql: String

    init(_ sql: String, on connection: OpaquePointer) throws(SQLiteError) {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw SQLiteError(code, sql, connection) }
        handle = prepared
        self.connection = connection
        self.sql = sql
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// Runs the statement to its end and calls `row` for each row, until that says false; the row's bytes are valid during that call only.
    func run(_ values: [SQLiteValue], _ row: (SQLiteRow) throws(SQLiteError) -> Bool) throws(SQLiteError) {
        defer {
            // The result of the last step says all that reset would say again.
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: guard try row(SQLiteRow(handle: handle)) else { return }
            case SQLITE_DONE: return
            case let code: throw SQLiteError(code, sql, connection)
            }
        }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) throws(SQLiteError) {
        // SQLITE_TRANSIENT: the library copies the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code =
            switch value {
            case .null: sqlite3_bind_null(handle, index)
            case .integer(let number): sqlite3_bind_int64(handle, index, number)
            case .text(var text):
                text.withUTF8 {
                    sqlite3_bind_text(
                        handle, index,
                        UnsafeRawPointer($0.baseAddress ?? Self.empty).assumingMemoryBound(to: CChar.self),
                        Int32($0.count), transient)
                }
            case .bytes(let bytes):
                bytes.withUnsafeBytes {
                    sqlite3_bind_blob64(
                        handle, index, $0.baseAddress ?? UnsafeRawPointer(Self.empty), UInt64($0.count), transient)
                }
            case .span(let span):
                sqlite3_bind_blob64(
                    handle, index, span.baseAddress ?? UnsafeRawPointer(Self.empty), UInt64(span.count), nil)
            }
        guard code == SQLITE_OK else { throw SQLiteError(code, sql, connection) }
    }

    /// Where an empty text or blob points: a null pointer would bind NULL instead.
    nonisolated(unsafe) private static let empty: UnsafePointer<UInt8> = {
        let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
        byte.initialize(to: 0)
        return UnsafePointer(byte)
    }()
}

/// The columns of the row at which a statement stands, counted from 0. Valid until the next step.
package struct SQLiteRow {
    fileprivate let handle: OpaquePointer

    package func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL
    }

    package func int64(_ column: Int) -> Int64 {
        sqlite3_column_int64(handle, Int32(column))
    }

    package func int(_ column: Int) -> Int {
        Int(int64(column))
    }

    package func flag(_ column: Int) -> Bool {
        int64(column) != 0
    }

    /// Empty for NULL; see `optionalText`.
    package func text(_ column: Int) -> String {
        String(decoding: bytes(column), as: UTF8.self)
    }

    package func optionalText(_ column: Int) -> String? {
        isNull(column) ? nil : text(column)
    }

    package func optionalInt64(_ column: Int) -> Int64? {
        isNull(column) ? nil : int64(column)
    }

    /// The bytes of a blob or text in the library's own memory.
    package func bytes(_ column: Int) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, Int32(column))
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
    }
}

extension SQLiteError {
    init(_ code: Int32, _ attempt: String, _ connection: OpaquePointer?) {
        let message = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let extended = connection.map(sqlite3_extended_errcode) ?? code
        self = .failed(attempt: attempt, code: extended == SQLITE_OK ? code : extended, message: message)
    }
}
