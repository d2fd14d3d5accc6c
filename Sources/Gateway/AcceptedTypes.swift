/// What an Accept header takes (RFC 9110, 12.5.1), as far as a route with one type of answer needs it. Weights are looked
/// at only for a refusal, `q=0`.
struct AcceptedTypes {
    private let ranges: [String]

    /// - Parameter values: the values of all Accept fields; none means that everything is taken.
    init(_ values: [String]) {
        ranges = values.joined(separator: ",").split(separator: ",").compactMap { part in
            let pieces = part.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let range = pieces.first, !range.isEmpty else { return nil }
            return pieces.contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) } ? nil : range
        }
        takesEverything = values.isEmpty
    }

    private let takesEverything: Bool

    /// Whether an answer of this type, `text/event-stream` say, is taken.
    func take(_ type: String) -> Bool {
        let family = type.prefix { $0 != "/" } + "/*"
        return takesEverything || ranges.contains { $0 == type || $0 == family || $0 == "*/*" }
    }
}
