import JSON
import Producer

extension PutBodyError {
    /// - Parameter namesStream: whether the body must name the stream.
    func document(namesStream: Bool) -> ProblemDocument {
        var document = reason.document(place)
        if index == nil, reason.isOfNoEnvelope { document.detail += " " + Self.envelope(namesStream) }
        return document.with("index", index.map(JSONValue.int))
    }

    /// What was expected, for whoever sent the data itself.
    private static func envelope(_ namesStream: Bool) -> String {
        let stream = namesStream ? "\"streamName\": …, " : ""
        return "Expected is {\(stream)\"data\": …} or {\(stream)\"records\": [{\"data\": …}, …]}"
            + (namesStream ? "." : "; with ?raw=true the body is the data itself, whatever it is.")
    }

    /// The same where the body is a line among others.
    var documentOfLine: ProblemDocument { reason.document("the line") }

    /// How the place is called in a sentence.
    private var place: String {
        index.map { "records[\($0)]" } ?? "the body"
    }
}

extension PutBodyError.Reason {
    /// Whether a body without an envelope is refused for this.
    fileprivate var isOfNoEnvelope: Bool {
        switch self {
        case .empty, .malformed, .unknownField, .missingStreamName: true
        case .badField(let error): error.reason == .missing
        case .notObject, .repeatedField, .conflict, .recordsNotArray, .noRecords, .badStreamName,
            .overMemory:
            false
        }
    }

    fileprivate func document(_ place: String) -> ProblemDocument {
        switch self {
        case .empty: ProblemDocument(.malformedJSON, "There is nothing in \(place).")
        case .malformed(let error):
            ProblemDocument(.malformedJSON, "JSON is expected as \(place): \(error).")
                .with("offset", .int(error.offset))
        case .notObject:
            ProblemDocument(.badField, "A JSON object is expected as \(place): {\"data\": …}.")
        case .unknownField(let field, let accepted):
            ProblemDocument(
                .unknownField, "There is no field \"\(field)\" in \(place); known: \(Problem.list(accepted))."
            )
            .with("field", .string(field)).with("accepted", .strings(accepted))
        case .repeatedField(let field):
            ProblemDocument(.repeatedField, "The field \(field) is given twice in \(place).")
                .with("field", .string(field))
        case .conflict(let field, let other):
            ProblemDocument(.conflictingFields, "The fields \(field) and \(other) exclude each other.")
                .with("field", .string(field))
        case .recordsNotArray:
            ProblemDocument(.badField, "The field records must be an array of objects.").with("field", "records")
        case .noRecords:
            ProblemDocument(.noRecords, "The field records is empty; at least one record is expected.")
                .with("field", "records")
        case .badField(let error): error.document(place)
        case .missingStreamName:
            ProblemDocument(.missingField, "The field streamName is missing; or put to /streams/{streamName}/put.")
                .with("field", "streamName")
        case .overMemory(let limit):
            ProblemDocument(.putTooLarge, "The put needs more than maxPutBytes, \(limit) bytes; put fewer records.")
                .with("limit", .int(limit))
        case .badStreamName:
            ProblemDocument(.badField, "The field streamName must be \(Problem.streamName).")
                .with("field", "streamName")
        }
    }
}

extension PutFieldError {
    fileprivate func document(_ place: String) -> ProblemDocument {
        let name = field.description
        let code: ProblemCode = if case .missing = reason { .missingField } else { .badField }
        let document = ProblemDocument(code, "The field \(name) of \(place) \(expectation).")
            .with("field", .string(name))
        guard case .unknownEncoding = reason else { return document }
        return document.with("accepted", .strings(["base64"]))
    }

    private var expectation: String {
        switch reason {
        case .missing: "is missing"
        case .notString: "must be a string"
        case .keyLength(let length): "has \(length) characters; 1 to 256 are accepted"
        case .notHashKey: "must be a decimal number below 2^128 without leading zeros, as a string"
        case .notSequenceNumber: "must be a sequence number: 1 to 129 digits, as a string"
        case .unknownEncoding: "must be \"base64\", or absent"
        case .notBase64(let offset): "is not base64 (RFC 4648, with padding) at character \(offset)"
        case .notUTF8(let compression): "is not UTF-8; the stream's compression \(compression.rawValue) takes no other"
        case .notText(let error): "cannot be read: \(error)"
        }
    }
}
