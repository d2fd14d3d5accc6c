/// The segments of a path, percent-decoded one by one: `/streams/a%2Fb/put` is `streams`, `a/b`, `put`.
///
/// `/` has no segment; a slash at the end makes an empty last segment, and so do two in a row. Dots are not resolved:
/// a route that expects a name refuses them. Performs no I/O.
package struct PathSegments: Equatable, Sendable {
    package let segments: [String]

    /// `path` is as it was sent, beginning with a slash.
    package init(_ path: String) throws(URLTextError) {
        let slash = UInt8(ascii: "/")
        // A view of the text would be asked for its storage at every byte.
        let bytes = Array(path.utf8)
        var segments: [String] = []
        var start = bytes.first == slash ? 1 : 0
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(of: slash) ?? bytes.count
            segments.append(try PercentEncoding.decode(bytes[start..<end], plusIsSpace: false))
            start = end + 1
        }
        self.segments = segments == [""] ? [] : segments
    }

    package var count: Int { segments.count }
    package subscript(_ index: Int) -> String { segments[index] }
}
