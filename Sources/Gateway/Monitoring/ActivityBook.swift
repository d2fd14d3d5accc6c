import Kinesis
import Time

/// The activity of every stream that this process has to do with. Confined to its loop.
///
/// A request can name any stream, so there is a bound: beyond `capacity` streams the one that was named longest ago and
/// has nothing on its way is forgotten, and its counts begin at zero when it comes again.
package final class ActivityBook: @unchecked Sendable {
    static let capacity = 1000

    private var streams: [StreamName: (activity: StreamActivity, used: UInt64)] = [:]
    private var uses: UInt64 = 0

    package init() {}

    subscript(_ stream: StreamName) -> StreamActivity { streams[stream]?.activity ?? StreamActivity() }

    /// Every stream that is known, by name.
    var all: [(stream: StreamName, activity: StreamActivity)] {
        streams.map { ($0.key, $0.value.activity) }.sorted { $0.0.text < $1.0.text }
    }

    func note(_ stream: StreamName, _ change: (inout StreamActivity) -> Void) {
        uses += 1
        if streams[stream] == nil, streams.count >= Self.capacity { forgetOldest() }
        change(&streams[stream, default: (StreamActivity(), uses)].activity)
        streams[stream]?.used = uses
    }

    private func forgetOldest() {
        let idle = streams.filter { $0.value.activity.putCallsInFlight == 0 }
        guard let oldest = idle.min(by: { $0.value.used < $1.value.used }) else { return }
        streams[oldest.key] = nil
    }
}
