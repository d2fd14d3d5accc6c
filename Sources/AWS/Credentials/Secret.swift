/// A text that must never reach a log, a response or a debugger's output by accident.
///
/// Every way of printing it gives `•••`; the text itself has to be asked for by name.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret itself. Whoever reads it keeps it out of messages.
    package let exposed: String

    package init(_ text: String) {
        exposed = text
    }

    package static let mask = "•••"

    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
