/// Why bytes are not the XML that was expected, and where.
package struct XMLError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// libexpat's own words.
        case malformed(String)
        /// A document type, whose entities could make a small document a large one.
        case doctype
        /// More elements inside each other than `XMLLimits.depth`.
        case tooDeep(limit: Int)
        /// More elements than `XMLLimits.elements`.
        case tooManyElements(limit: Int)
        /// More bytes than `XMLLimits.bytes`.
        case tooLong(limit: Int)
    }

    package let reason: Reason
    /// Counted from 1.
    package let line: Int

    package var description: String { "line \(line): \(problem)" }

    private var problem: String {
        switch reason {
        case .malformed(let words): words
        case .doctype: "a document type is not accepted"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .tooManyElements(let limit): "more than \(limit) elements"
        case .tooLong(let limit): "longer than \(limit) bytes"
        }
    }
}

/// What a document may have; the longest that the services answer with are lists of 1,000 rules or tags.
package struct XMLLimits: Sendable {
    package var bytes = 4 * 1024 * 1024
    package var depth = 32
    package var elements = 50_000

    package init() {}
}
