import AWS

/// Why an item cannot be had.
package enum ItemFailure: Error, Equatable, Sendable {
    /// S3 refuses it, and trying again changes nothing.
    case refused(AWSError)
    /// What passes has not passed in time.
    case givenUp(BucketCircuit.GivenUp)
    /// The waiting task was cancelled, or the item's bytes were not taken.
    case cancelled
}
