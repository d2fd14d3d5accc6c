import Time

/// A place in a shard: what is before it needs no delivery any more.
package struct Checkpoint: Hashable, Comparable, Sendable {
    /// How much of the record is done.
    package enum Extent: Hashable, Comparable, Sendable {
        /// None of it: the place is right before the record, for where nothing before it is known.
        case none
        /// Of an aggregated record the user records up to this one, counted from 0.
        case part(through: Int)
        /// All of it.
        case whole
    }

    /// Of the last record that is done, in whole or in part, or of the one that comes next.
    package let sequenceNumber: SequenceNumber
    package let extent: Extent
    /// When the record arrived at the service.
    package let arrival: WallTime?

    package init(sequenceNumber: SequenceNumber, extent: Extent = .whole, arrival: WallTime? = nil) {
        self.sequenceNumber = sequenceNumber
        self.extent = extent
        self.arrival = arrival
    }

    /// - Parameter subSequenceNumber: of the last user record that is done in an aggregated record, 0 or more; nil: the
    ///   whole record.
    package init(sequenceNumber: SequenceNumber, subSequenceNumber: Int?, arrival: WallTime? = nil) {
        self.init(
            sequenceNumber: sequenceNumber, extent: subSequenceNumber.map { .part(through: $0) } ?? .whole,
            arrival: arrival)
    }

    /// The place right before a record.
    package init(before record: SequenceNumber) {
        self.init(sequenceNumber: record, extent: .none)
    }

    /// The place right before this one's record, or before its part of one.
    package var preceding: Checkpoint {
        if case .part(let last) = extent, last > 0 {
            return Checkpoint(sequenceNumber: sequenceNumber, extent: .part(through: last - 1))
        }
        return Checkpoint(before: sequenceNumber)
    }

    /// nil unless a part of the record is done.
    package var subSequenceNumber: Int? {
        if case .part(let last) = extent { last } else { nil }
    }

    /// Whether it stands right before its record, and nothing is done that it could name.
    package var isBeforeRecord: Bool { extent == .none }

    /// By place in the shard: the arrival does not count.
    package static func < (left: Checkpoint, right: Checkpoint) -> Bool {
        guard left.sequenceNumber == right.sequenceNumber else { return left.sequenceNumber < right.sequenceNumber }
        return left.extent < right.extent
    }
}
