/// Which time a shard was last put where somebody wanted it (`POST …/seek`). What was sent of the shard under another one
/// counts for nothing any more: it neither moves the checkpoint nor comes again.
package struct SeekID: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }
}
