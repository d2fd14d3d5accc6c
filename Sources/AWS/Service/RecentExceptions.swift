import Time

/// The failures of the last five minutes, as lifion-kinesis's stats list them.
///
/// Holds the newest `capacity` of them, and of the others how many each second had.
package struct RecentExceptions: Sendable {
    package struct Entry: Hashable, Sendable {
        package var message: String
        package var timestamp: WallTime
        package var code: String?
        package var requestID: String?
        package var statusCode: Int?
    }

    package static let window = Duration.seconds(300)
    package static let capacity = 100

    private var entries: [Entry] = []
    /// Failures that had to make room, by the second, oldest first: at most as many as the window has seconds, and one.
    private var dropped: [(second: Int64, count: Int)] = []

    package init() {}

    /// The newest failures since five minutes before `now`, newest last.
    package func exceptions(now: WallTime) -> [Entry] {
        entries.filter { Self.isRecent($0.timestamp, now) }
    }

    /// How many failures there were since five minutes before `now`.
    package func count(now: WallTime) -> Int {
        let listed = entries.count { Self.isRecent($0.timestamp, now) }
        return dropped.reduce(listed) { Self.isRecent(Self.end(of: $1.second), now) ? $0 + $1.count : $0 }
    }

    package mutating func record(_ error: AWSError, now: WallTime) {
        entries.removeAll { !Self.isRecent($0.timestamp, now) }
        dropped.removeAll { !Self.isRecent(Self.end(of: $0.second), now) }
        if entries.count == Self.capacity { drop(entries.removeFirst()) }
        entries.append(Entry(error, at: now))
    }

    private mutating func drop(_ entry: Entry) {
        let second = entry.timestamp.milliseconds / 1000
        if let last = dropped.indices.last, dropped[last].second == second {
            dropped[last].count += 1
        } else {
            dropped.append((second, 1))
        }
    }

    private static func end(of second: Int64) -> WallTime { WallTime(milliseconds: second * 1000 + 999) }

    private static func isRecent(_ time: WallTime, _ now: WallTime) -> Bool {
        time.advanced(by: window) >= now
    }
}

extension RecentExceptions.Entry {
    package init(_ error: AWSError, at time: WallTime) {
        message = error.description
        timestamp = time
        switch error {
        case .service(let error):
            message = error.message.isEmpty ? error.description : error.message
            code = error.code
            requestID = error.requestID
            statusCode = error.status
        case .response(_, let id):
            requestID = id
        case .transport, .credentials, .cancelled:
            break
        }
    }
}
