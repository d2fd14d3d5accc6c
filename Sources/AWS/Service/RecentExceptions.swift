import Time

/// The failures of the last five minutes, as lifion-kinesis's stats list them.
///
/// Holds the newest `capacity` of them.
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

    package init() {}

    /// Failures since five minutes before `now`, newest last.
    package func exceptions(now: WallTime) -> [Entry] {
        entries.filter { $0.timestamp.advanced(by: Self.window) >= now }
    }

    package mutating func record(_ error: AWSError, now: WallTime) {
        entries.removeAll { $0.timestamp.advanced(by: Self.window) < now }
        if entries.count == Self.capacity { entries.removeFirst() }
        entries.append(Entry(error, at: now))
    }
}

extension RecentExceptions.Entry {
    init(_ error: AWSError, at time: WallTime) {
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
