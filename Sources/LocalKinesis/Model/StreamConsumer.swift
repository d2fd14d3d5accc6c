import Kinesis
import Time

/// A consumer of a stream with enhanced fan-out, as the service keeps it. Performs no I/O.
struct StreamConsumer: Equatable {
    enum Status: String { case creating = "CREATING", active = "ACTIVE", deleting = "DELETING" }

    /// Of one stream. Source: RegisterStreamConsumer in the service's API reference.
    static let mostOfStream = 20
    /// Of one stream at one time.
    static let mostCreating = 5

    let name: String
    /// In whole seconds, which are part of its ARN: one that is registered again is another one.
    let created: WallTime
    var status = Status.creating
    var tags: [String: String] = [:]

    /// As streams are named.
    static func isName(_ name: String) -> Bool { StreamName(name) != nil }

    func arn(of stream: String) -> String { "\(stream)/consumer/\(name):\(created.milliseconds / 1000)" }
}

/// `arn:aws:kinesis:us-east-1:000000000000:stream/name/consumer/name:1700000000`.
struct ConsumerARN: Hashable {
    let stream: String
    let name: String
    /// Seconds since 1970.
    let created: Int64

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 7, parts[0] == "arn", parts[2] == "kinesis", let created = Int64(parts[6]) else {
            return nil
        }
        let path = parts[5].split(separator: "/", omittingEmptySubsequences: false)
        guard path.count == 4, path[0] == "stream", path[2] == "consumer", StreamName(String(path[1])) != nil,
            StreamConsumer.isName(String(path[3]))
        else { return nil }
        (stream, name) = (String(path[1]), String(path[3]))
        self.created = created
    }

    init(_ consumer: StreamConsumer, of stream: String) {
        (self.stream, name, created) = (stream, consumer.name, consumer.created.milliseconds / 1000)
    }
}
