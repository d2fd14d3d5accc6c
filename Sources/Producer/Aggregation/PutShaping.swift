/// What happens to records before they are put: how they are gathered, and how much of a shard they may take. With the
/// defaults nothing.
package struct PutShaping: Sendable {
    /// How records become one record of Kinesis. Names and defaults are the Kinesis Producer Library's where it has them.
    package struct Aggregation: Sendable {
        /// Bytes of data that an aggregate has at most; 64 to 1 MiB. A larger record is put alone.
        package var maxSize = 51_200
        /// Records of an aggregate. 10,000: as many as one GetRecords brings.
        package var maxCount = 10_000
        /// How long a record waits for others.
        package var maxBufferedTime = Duration.milliseconds(100)

        package init() {}
    }

    /// nil: each record is put as it is.
    package var aggregation: Aggregation?
    /// The share of each shard's limits that this process takes, 1 being all of them; nil: it takes what it gets.
    package var share: Double?

    package init() {}

    var isNeeded: Bool { aggregation != nil || share != nil }
}
