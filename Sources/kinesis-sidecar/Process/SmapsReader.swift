/// Finds in the lines of `/proc/self/smaps` the mappings that can be given back without losing anything: file pages of
/// code and constants that the process has never written to. Performs no I/O.
///
/// Data that was relocated and has been made read-only since looks like them, but its pages are the process's own: in
/// memory (`Anonymous`), or in swap (`Swap`), where they are neither resident nor dirty. Source: proc_pid_smaps(5).
struct SmapsReader {
    /// One mapping of the process.
    struct Mapping: Equatable {
        let start: UInt
        let length: Int
    }

    /// Fields that count bytes which are the process's own. All must be there, and zero.
    private static let ownFields = ["Anonymous:", "Private_Dirty:", "Swap:"]

    /// The mapping whose fields come, nil where it is none of code and constants.
    private var candidate: Mapping?
    /// How many of `ownFields` were zero.
    private var emptyFields = 0

    /// Takes the next line; returns the mapping that is known with it to be clean.
    mutating func next(_ line: String) -> Mapping? {
        let fields = line.split { $0.isWhitespace }
        guard let name = fields.first else { return nil }
        if fields.count >= 5, let mapping = Self.mapping(fields[0]) {
            candidate = Self.isReadOnlyFile(fields) ? mapping : nil
            emptyFields = 0
        } else if Self.ownFields.contains(where: { $0 == name }), fields.count > 1, fields[1] == "0" {
            emptyFields += 1
            if emptyFields == Self.ownFields.count { return candidate }
        }
        return nil
    }

    /// `55e0-55f0`, in hexadecimal.
    private static func mapping(_ range: Substring) -> Mapping? {
        let ends = range.split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return Mapping(start: ends[0], length: Int(ends[1] - ends[0]))
    }

    /// Of a header line: `55e0-55f0 r-xp 0000 fe:00 123 /usr/lib/libc.so.6`.
    private static func isReadOnlyFile(_ fields: [Substring]) -> Bool {
        fields.count >= 6 && (fields[1] == "r-xp" || fields[1] == "r--p") && fields[5].hasPrefix("/")
    }
}
