/// A metric of single shards that enhanced monitoring switches on. Nothing is measured here: the stream says what is on.
enum ShardMetric: String, CaseIterable {
    case incomingBytes = "IncomingBytes"
    case incomingRecords = "IncomingRecords"
    case outgoingBytes = "OutgoingBytes"
    case outgoingRecords = "OutgoingRecords"
    case writeThroughputExceeded = "WriteProvisionedThroughputExceeded"
    case readThroughputExceeded = "ReadProvisionedThroughputExceeded"
    case iteratorAge = "IteratorAgeMilliseconds"

    /// What a request names all of them by.
    static let all = "ALL"
}
