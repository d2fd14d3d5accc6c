/// Header fields in order, for answers and for the requests of clients. Names compare without case.
///
/// Received requests do not use it on their way in: their fields stay byte ranges (`RequestHead`).
package struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral, Sequence {
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    private(set) var fields: [Field]

    package init() {
        fields = []
    }

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    package var isEmpty: Bool { fields.isEmpty }
    package var count: Int { fields.count }

    package mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Removes every field of that name and adds one.
    package mutating func set(_ name: String, _ value: String) {
        fields.removeAll { ASCII.equalsIgnoringCase($0.name, name) }
        add(name, value)
    }

    package static func + (left: HTTPHeaders, right: HTTPHeaders) -> HTTPHeaders {
        if right.isEmpty { return left }
        var both = left
        both.fields.append(contentsOf: right.fields)
        return both
    }

    package func first(_ name: String) -> String? {
        fields.first { ASCII.equalsIgnoringCase($0.name, name) }?.value
    }

    package func all(_ name: String) -> [String] {
        fields.filter { ASCII.equalsIgnoringCase($0.name, name) }.map(\.value)
    }

    package func makeIterator() -> IndexingIterator<[Field]> {
        fields.makeIterator()
    }
}
