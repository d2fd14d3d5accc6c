/// What the flat scanning functions return: a `JSONError.Reason` without a payload, so that it travels in a register.
package enum JSONFault: UInt8, Sendable {
    case none
    case unexpectedEnd
    case unexpectedByte
    case badNumber
    case badString
    case badUTF8
    case tooDeep

    /// The error for a caller who wants to know more; `byte` is the one at `offset`, where there is one.
    package func error(at offset: Int, byte: UInt8?, limits: JSONLimits) -> JSONError {
        switch self {
        case .none, .unexpectedEnd: JSONError(.unexpectedEnd, at: offset)
        case .unexpectedByte: JSONError(byte.map { .unexpectedByte($0) } ?? .unexpectedEnd, at: offset)
        case .badNumber: JSONError(.badNumber, at: offset)
        case .badString: JSONError(.badString, at: offset)
        case .badUTF8: JSONError(.badUTF8, at: offset)
        case .tooDeep: JSONError(.tooDeep(limit: limits.depth), at: offset)
        }
    }
}
