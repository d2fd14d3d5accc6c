import Kinesis
import Testing
import Time

@Suite struct CheckpointTests {
    private func at(_ number: UInt128, _ extent: Checkpoint.Extent = .whole) -> Checkpoint {
        Checkpoint(sequenceNumber: SequenceNumber(number), extent: extent)
    }

    @Test func `places follow each other by record, and within one from before it over its parts to the whole`() {
        let places = [
            at(9), at(10, .none), at(10, .part(through: 0)), at(10, .part(through: 12)), at(10), at(100, .none),
        ]
        #expect(places == places.sorted())
        for (index, place) in places.enumerated() { #expect(places.count { $0 < place } == index) }
    }

    @Test func `before a part comes the part before it, and before the first one the record's beginning`() {
        #expect(at(5).preceding == at(5, .none))
        #expect(at(5, .part(through: 0)).preceding == at(5, .none))
        #expect(at(5, .part(through: 3)).preceding == at(5, .part(through: 2)))
    }

    @Test func `reading goes on behind a whole record, and at one that is not done`() {
        let initial = StartingPosition.atTimestamp(WallTime(milliseconds: 1))
        #expect(ReadPosition(behind: nil, initial: initial).start == initial)
        #expect(ReadPosition(behind: at(5), initial: initial).start == .afterSequenceNumber(SequenceNumber(5)))
        for extent in [Checkpoint.Extent.none, .part(through: 0)] {
            let position = ReadPosition(behind: at(5, extent), initial: initial)
            #expect(position.start == .atSequenceNumber(SequenceNumber(5)))
            #expect(position.skip == at(5, extent))
        }
    }
}
