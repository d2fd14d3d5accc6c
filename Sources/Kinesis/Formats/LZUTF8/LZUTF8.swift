import Bytes

/// LZ-UTF8: LZ77 over the bytes of a UTF-8 text, whose pointers take the place of byte sequences that UTF-8 does not have.
/// lifion-kinesis's `compression`. Performs no I/O.
///
///     0lllllll, 10llllll         a byte of text
///     11llllll 1…                a byte of text: the first of a character that has several
///     110nnnnn 0ddddddd          n bytes from d bytes before, d in 1…127
///     111nnnnn 0ddddddd dddddddd n bytes from d bytes before, d in 1…32,767, big endian
///
/// What a pointer names may reach into what it yields itself. Text that was never compressed reads as itself.
/// Source: the npm package lzutf8.
package enum LZUTF8 {
    /// The shortest match that is worth a pointer of three bytes; writers use none below it.
    static let shortestMatch = 4
    /// What five bits hold.
    static let longestMatch = 31
    /// Distances up to here take a pointer of two bytes.
    static let nearestDistance = 127
    /// What fifteen bits hold.
    static let farthestDistance = 32_767
}

/// Why bytes are not a text in LZ-UTF8. Places count the bytes of the input from 0.
package enum LZUTF8Error: Error, Equatable, Sendable {
    /// The input ends within a pointer, or within a character.
    case cutPointer(at: Int)
    /// A pointer before the text's beginning, or at no distance; `written` bytes of text stand before it.
    case pointerOutsideText(at: Int, distance: Int, written: Int)
    /// The text is longer than `limit` bytes.
    case textOverLimit(_ limit: Int)
}

extension LZUTF8Error: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cutPointer(let at): "its end cuts the pointer or character at byte \(at)"
        case .pointerOutsideText(let at, let distance, let written):
            "the pointer at byte \(at) goes back \(distance) bytes, where \(written) stand before it"
        case .textOverLimit(let limit): "it holds more than \(limit) bytes"
        }
    }
}
