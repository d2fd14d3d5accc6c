/// Finds what somebody meant who mistyped a name. Performs no I/O.
enum NearestName {
    /// The candidate within a third of the name's length, two edits at least; nil when none is that near.
    static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(2, name.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(Array(name.lowercased()), Array(candidate.lowercased()))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `; did you mean X?`, or nothing.
    static func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
        of(name, among: candidates).map { "; did you mean \($0)?" } ?? ""
    }

    /// Levenshtein's distance, by rows: names are short.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let replaced = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
