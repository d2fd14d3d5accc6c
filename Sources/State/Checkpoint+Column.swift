import Kinesis

/// A checkpoint's extent as the column `sub_sequence_number` has it: NULL: the whole record; -1: none of it; else the last
/// of its user records that is done.
extension Checkpoint {
    var subSequenceColumn: Int64? {
        switch extent {
        case .none: -1
        case .part(let last): Int64(last)
        case .whole: nil
        }
    }

    static func extent(ofColumn value: Int64?) -> Extent {
        guard let value else { return .whole }
        return value < 0 ? .none : .part(through: Int(value))
    }
}
