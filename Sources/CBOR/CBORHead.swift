/// The beginning of an item: its type with its argument. Source: RFC 8949, section 3.
enum CBORHead: Equatable {
    case unsigned(UInt64)
    /// -1 minus the number.
    case negative(UInt64)
    case string(CBORStringType, length: Int)
    /// A string of indefinite length: chunks up to a break.
    case chunks(CBORStringType)
    /// How many elements follow; nil: up to a break.
    case array(Int?)
    /// How many pairs follow; nil: up to a break.
    case map(Int?)
    case tag(UInt64)
    /// False, true, null and undefined are 20 to 23.
    case simple(UInt8)
    case float(Double)
    case end

    /// Of an item without its tags; nil for a tag and a break, which are none.
    var kind: CBORKind? {
        switch self {
        case .unsigned, .negative: .integer
        case .string(let type, _), .chunks(let type): type == .text ? .text : .bytes
        case .array: .array
        case .map: .map
        case .simple(20), .simple(21): .bool
        case .simple(22), .simple(23): .null
        case .simple: .simple
        case .float: .float
        case .tag, .end: nil
        }
    }
}

enum CBORStringType: Equatable {
    case bytes
    case text
}
