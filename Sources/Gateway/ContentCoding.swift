import HTTP

/// What was done to a request's body for its way here (RFC 9110, 8.4). Performs no I/O.
enum ContentCoding: Equatable, Sendable {
    case identity
    case gzip

    /// What a 415 says in Accept-Encoding (RFC 9110, 15.5.16).
    static let accepted = "gzip"

    /// - Parameter fields: the values of all Content-Encoding fields, in order.
    /// - Returns: nil for a coding, or several on top of each other, that are not undone here.
    init?(_ fields: [String]) {
        let codings = fields.joined(separator: ",").split(separator: ",")
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            .filter { !$0.isEmpty && $0 != "identity" }
        switch codings {
        case []: self = .identity
        // RFC 9110, 8.4.1.3: x-gzip is the same.
        case ["gzip"], ["x-gzip"]: self = .gzip
        default: return nil
        }
    }
}

extension ContentCoding {
    /// Refuses a request whose body has another coding.
    init(_ request: HTTPRequest) throws(Problem) {
        // Most have none, and no list is made for them.
        guard let first = request.header("content-encoding") else { self = .identity; return }
        let fields = request.headerValues("content-encoding")
        guard let coding = ContentCoding(fields) else {
            throw .unsupportedContentCoding(fields.count == 1 ? first : fields.joined(separator: ", "))
        }
        self = coding
    }
}
