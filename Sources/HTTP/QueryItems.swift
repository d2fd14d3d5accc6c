/// The query of a URL as decoded name and value pairs in order; the body of an HTML form reads the same.
///
/// `+` is a space. A part without `=` has an empty value; empty parts are skipped. Performs no I/O.
/// Source: WHATWG URL, application/x-www-form-urlencoded parsing; unlike there a bad escape is refused.
package struct QueryItems: Sequence, Equatable, Sendable {
    package struct Item: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package let items: [Item]

    /// `raw` is what stands behind the question mark; nil is no query.
    package init(_ raw: String?) throws(URLTextError) {
        var items: [Item] = []
        for part in Array((raw ?? "").utf8).split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            items.append(
                Item(
                    name: try PercentEncoding.decode(part[..<equals], plusIsSpace: true),
                    value: try PercentEncoding.decode(part[equals...].dropFirst(), plusIsSpace: true)))
        }
        self.items = items
    }

    /// The value of the first item of that name.
    package subscript(_ name: String) -> String? {
        items.first { $0.name == name }?.value
    }

    package func makeIterator() -> IndexingIterator<[Item]> {
        items.makeIterator()
    }
}
