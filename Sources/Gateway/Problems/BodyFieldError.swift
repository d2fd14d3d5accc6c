import JSON

/// What is wrong with a small body or one of its fields.
package enum BodyFieldError: Error, Equatable, Sendable {
    case malformed(JSONError)
    case notObject
    /// `hint`: what would do as well.
    case missing(String, hint: String?)
    case unknown(String, accepted: [String])
    case bad(String, accepted: String)
    case conflicting(String, with: String)
}

extension BodyFieldError {
    var document: ProblemDocument {
        switch self {
        case .malformed(let error):
            ProblemDocument(.malformedJSON, "The body is not JSON: \(error).").with("offset", .int(error.offset))
        case .notObject: ProblemDocument(.badField, "A JSON object is expected as the body.")
        case .missing(let field, let hint):
            ProblemDocument(.missingField, "The field \(field) is missing\(hint.map { ", \($0)" } ?? "").")
                .with("field", .string(field))
        case .unknown(let field, let accepted):
            ProblemDocument(.unknownField, "There is no field \"\(field)\" here; known: \(Problem.list(accepted)).")
                .with("field", .string(field)).with("accepted", .strings(accepted))
        case .bad(let field, let accepted):
            ProblemDocument(.badField, "The field \(field) must be \(accepted).")
                .with("field", .string(field)).with("accepted", .string(accepted))
        case .conflicting(let field, let other):
            ProblemDocument(.conflictingFields, "The fields \(field) and \(other) exclude each other.")
                .with("field", .string(field))
        }
    }
}
