import Bytes

/// Decides how much may wait in this process for its answer: whole puts, which are refused beyond `limit`, and groups of
/// feeds, which wait in line for room. Performs no I/O.
///
/// Groups leave a quarter of `limit` to whole puts, and one feed has a quarter at most, so that a body of many lines takes
/// neither the room of puts nor that of other such bodies. Something larger than its share is let in when nothing else of
/// its kind waits: it could never be made.
struct PutMemory {
    /// Bytes, `maxPutBytes`.
    let limit: Int
    /// Bytes that wait for their answers.
    private(set) var waiting = 0
    /// Sizes of the groups that wait for room, in order of arrival: the first goes first, however small the others are.
    private var line = Fifo<Int>()

    init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that one feed may have on its way.
    var feedShare: Int { limit / 4 }
    /// Bytes up to which groups are let in.
    private var groupLimit: Int { limit - limit / 4 }

    /// Takes the room of a put; false, and nothing taken, when there is none.
    mutating func take(_ bytes: Int) -> Bool {
        guard fits(bytes, limit) else { return false }
        waiting += bytes
        return true
    }

    /// The same for a group, which stands in line when there is no room.
    mutating func takeOrStandInLine(_ bytes: Int) -> Bool {
        guard line.isEmpty, fits(bytes, groupLimit) else {
            line.append(bytes)
            return false
        }
        waiting += bytes
        return true
    }

    /// Takes the room of the first in line; false when it has to wait still, or there is none.
    mutating func admitNext() -> Bool {
        guard let bytes = line.first, fits(bytes, groupLimit) else { return false }
        line.popFirst()
        waiting += bytes
        return true
    }

    mutating func give(_ bytes: Int) {
        waiting -= bytes
    }

    private func fits(_ bytes: Int, _ limit: Int) -> Bool {
        waiting == 0 || waiting + bytes <= limit
    }
}
