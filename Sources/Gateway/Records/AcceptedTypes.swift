/// What an Accept header takes (RFC 9110, 12.5.1). Performs no I/O.
struct AcceptedTypes {
    private struct Range {
        let text: String
        /// 0…1; 0 is a refusal.
        let weight: Double
    }

    private let ranges: [Range]
    private let takesEverything: Bool

    /// - Parameter values: the values of all Accept fields; none means that everything is taken.
    init(_ values: [String]) {
        takesEverything = values.isEmpty
        ranges = values.joined(separator: ",").split(separator: ",").compactMap { part in
            let pieces = part.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let range = pieces.first, !range.isEmpty else { return nil }
            let weight = pieces.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            return Range(text: range, weight: min(max(weight ?? 1, 0), 1))
        }
    }

    /// The type of these that is liked best; of equals the first. nil when none is taken.
    func best(of types: [String]) -> String? {
        var best: (type: String, weight: Double)?
        for type in types {
            let weight = weight(of: type)
            if weight > best?.weight ?? 0 { best = (type, weight) }
        }
        return best?.type
    }

    /// Whether a range names exactly this type, and takes it.
    func names(_ type: String) -> Bool {
        ranges.contains { $0.text == type && $0.weight > 0 }
    }

    /// The most exact range that names the type counts.
    private func weight(of type: String) -> Double {
        if takesEverything { return 1 }
        let family = type.prefix { $0 != "/" } + "/*"
        for name in [type, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.text == name }) { return range.weight }
        }
        return 0
    }
}
