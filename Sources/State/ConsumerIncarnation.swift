import Time

/// One consumer's reading of one incarnation of its stream: of a stream that was deleted and made again under its name,
/// each has positions and a delivery log of its own.
package struct ConsumerIncarnation: Hashable, Sendable {
    package let key: ConsumerKey
    /// The stream's creation time: tells a stream from an earlier one of the same name.
    package let streamCreatedOn: WallTime

    package init(_ key: ConsumerKey, streamCreatedOn: WallTime) {
        self.key = key
        self.streamCreatedOn = streamCreatedOn
    }
}
