import Glibc

/// Gives back the pages of program and libraries that only the start has touched.
///
/// Loading, relocating and initialising some forty libraries (libcurl brings most of them) maps 10 MB of file pages that
/// are not touched again, and they would count as resident for as long as the process lives. The pages stay in the page
/// cache; those that are needed again come back with a fault of a microsecond, without reading the disk.
enum StartPages {
    /// Drops the file-backed pages that cannot be written to and never were: code and constants.
    static func giveBack() {
        guard let map = fopen("/proc/self/smaps", "re") else { return }
        defer { fclose(map) }
        var reader = SmapsReader()
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), map) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard let mapping = reader.next(text) else { continue }
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.start), mapping.length, MADV_DONTNEED)
        }
    }
}
