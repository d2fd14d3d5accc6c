/// The segments of a path, percent-decoded one by one: `/streams/a%2Fb/put` is `streams`, `a/b`, `put`.
///
/// `/` has no segment; a slash at the end makes an empty last segment, and so do two in a row. Dots are not resolved:
/// a route that expects a name refuses them. Performs no I/O.
package struct PathSegments: Equatable, Sendable {
    package let segments: [String]

    /// `path` is as it was sent, beginning with a slash.
    package init(_ path: String) throws(URLTextError) {
        var segments: [String] = []
        var offset = 0
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            defer { offset += part.count + 1 }
            if index == 0 && part.isEmpty { continue }
            segments.append(try PercentEncoding.decode(part, offset: offset, plusIsSpace: false))
        }
        self.segments = segments == [""] ? [] : segments
    }

    package var count: Int { segments.count }
    package subscript(_ index: Int) -> String { segments[index] }
}
