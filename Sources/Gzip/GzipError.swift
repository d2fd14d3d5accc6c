/// Why a text cannot be had from what should be gzip.
package enum GzipError: Error, Equatable, Sendable {
    /// The input ends inside a member, or before the first one.
    case truncated
    /// `zlib` is the library's own phrase, such as "incorrect header check".
    case corrupt(zlib: String)
}
