import Testing

@testable import kinesis_sidecar

@Suite struct SmapsReaderTests {
    private static let text = "55e000000000-55e000003000 r-xp 00001000 fe:00 123            /usr/bin/sidecar"

    /// What the kernel says of a mapping, with some of its fields changed.
    private static func smaps(
        _ header: String = text, _ changes: [String: Int] = [:], without: String? = nil
    ) -> [String] {
        let fields = [
            ("Size", 12), ("KernelPageSize", 4), ("MMUPageSize", 4), ("Rss", 12), ("Pss", 1), ("Pss_Dirty", 0),
            ("Shared_Clean", 12), ("Shared_Dirty", 0), ("Private_Clean", 0), ("Private_Dirty", 0), ("Referenced", 12),
            ("Anonymous", 0), ("KSM", 0), ("LazyFree", 0), ("AnonHugePages", 0), ("ShmemPmdMapped", 0),
            ("FilePmdMapped", 0), ("Shared_Hugetlb", 0), ("Private_Hugetlb", 0), ("Swap", 0), ("SwapPss", 0),
            ("Locked", 0),
        ]
        let lines = fields.filter { $0.0 != without }.map { "\($0.0):   \(changes[$0.0] ?? $0.1) kB\n" }
        return [header + "\n"] + lines + ["THPeligible:           0\n", "VmFlags: rd ex mr mw me sd \n"]
    }

    private static func clean(_ lines: [String]) -> [SmapsReader.Mapping] {
        var reader = SmapsReader()
        return lines.compactMap { reader.next($0) }
    }

    @Test func `code and constants of files are given back`() {
        let constants = "7f0000001000-7f0000002000 r--p 00000000 fe:00 9  /usr/lib/with a space.so"
        #expect(
            Self.clean(Self.smaps() + Self.smaps(constants)) == [
                .init(start: 0x55e0_0000_0000, length: 0x3000), .init(start: 0x7f00_0000_1000, length: 0x1000),
            ])
    }

    @Test(arguments: ["Private_Dirty", "Anonymous", "Swap"])
    func `relocated data is kept, in memory and in swap`(field: String) {
        #expect(Self.clean(Self.smaps(Self.text, [field: 4])) == [])
        #expect(Self.clean(Self.smaps(without: field)) == [], "what the kernel does not say is not known to be clean")
    }

    @Test(arguments: [
        "55e0-55f0 rw-p 00001000 fe:00 123 /usr/bin/sidecar", "55e0-55f0 r--s 00001000 fe:00 123 /usr/bin/sidecar",
        "55e0-55f0 r--p 00000000 00:00 0", "55e0-55f0 r-xp 00000000 00:00 0 [vdso]",
    ])
    func `what can be written to, is shared or of no file is kept`(header: String) {
        #expect(Self.clean(Self.smaps(header)) == [])
    }

    @Test func `the fields of one mapping say nothing about the next`() {
        let kept = Self.smaps("55e0-55f0 rw-p 00001000 fe:00 123 /usr/bin/sidecar")
        let last = Self.smaps(Self.text, ["Swap": 8])
        #expect(Self.clean(kept + last + kept) == [])
    }
}
