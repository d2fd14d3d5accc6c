import Glibc

/// Gives back the pages of program and libraries that only the start has touched.
///
/// Loading, relocating and initialising some forty libraries (libcurl brings most of them) maps 10 MB of file pages that
/// are not touched again, and they would count as resident for as long as the process lives. The pages stay in the page
/// cache; those that are needed again come back with a fault of a microsecond, without reading the disk.
enum StartPages {
    /// Drops the clean file-backed pages that cannot be written to: code and constants. Data, also relocated data that
    /// has been made read-only since, is left alone.
    static func giveBack() {
        guard let map = fopen("/proc/self/smaps", "re") else { return }
        defer { fclose(map) }
        var line = [CChar](repeating: 0, count: 4096)
        var candidate: Mapping?
        while fgets(&line, Int32(line.count), map) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if let mapping = Mapping(header: text) {
                candidate = mapping.isReadOnlyFile ? mapping : nil
            } else if text.hasPrefix("Private_Dirty:"), let mapping = candidate {
                candidate = nil
                // Relocated data is private to the process once it was written, and would be lost.
                guard text.split(separator: " ").dropFirst().first == "0" else { continue }
                madvise(UnsafeMutableRawPointer(bitPattern: mapping.start), mapping.length, MADV_DONTNEED)
            }
        }
    }
}

/// One mapping of the process, from its header line in smaps: `55e0-55f0 r-xp 0000 fe:00 123 /usr/lib/libc.so.6`.
private struct Mapping {
    let start: UInt
    let length: Int
    let isReadOnlyFile: Bool

    init?(header: String) {
        let fields = header.split(separator: " ", omittingEmptySubsequences: true)
        let ends = fields.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
        guard fields.count >= 5, ends.count == 2, ends[0] < ends[1] else { return nil }
        start = ends[0]
        length = Int(ends[1] - ends[0])
        let permissions = fields[1]
        isReadOnlyFile =
            (permissions == "r-xp" || permissions == "r--p") && fields.count >= 6 && fields[5].hasPrefix("/")
    }
}
