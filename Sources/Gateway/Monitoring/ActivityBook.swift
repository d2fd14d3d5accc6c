import Kinesis
import Time

/// The activity of every stream that this process has to do with. Confined to its loop.
///
/// A request can name any stream, so there is a bound: beyond `capacity` streams one that has nothing on its way is
/// forgotten, and its counts begin at zero when it comes again: one that is not there, else the one named longest ago.
package final class ActivityBook: @unchecked Sendable {
    static let capacity = 1000

    private var streams: [StreamName: (activity: StreamActivity, used: UInt64)] = [:]
    private var uses: UInt64 = 0

    package init() {}

    subscript(_ stream: StreamName) -> StreamActivity { streams[stream]?.activity ?? StreamActivity() }

    /// Every stream of which more is known than that there is none, by name.
    var all: [(stream: StreamName, activity: StreamActivity)] {
        streams.filter { $0.value.activity.isKnown }.map { ($0.key, $0.value.activity) }.sorted {
            $0.0.text < $1.0.text
        }
    }

    func note(_ stream: StreamName, _ change: (inout StreamActivity) -> Void) {
        uses += 1
        if streams[stream] == nil, streams.count >= Self.capacity { forgetOldest() }
        change(&streams[stream, default: (StreamActivity(), uses)].activity)
        streams[stream]?.used = uses
    }

    private func forgetOldest() {
        let idle = streams.filter { $0.value.activity.putCallsInFlight == 0 }
        let missing = idle.filter { !$0.value.activity.isKnown }
        guard let oldest = (missing.isEmpty ? idle : missing).min(by: { $0.value.used < $1.value.used }) else { return }
        streams[oldest.key] = nil
    }
}
