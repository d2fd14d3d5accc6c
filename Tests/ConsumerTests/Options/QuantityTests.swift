import Consumer
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("250", 250), ("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("1.5s", 1500), ("0.25s", 250), ("1.50s", 1500), ("0.001s", 1), ("1.000000000000000000000000s", 1000),
        ("0s", 0),
        ("0.5d", 43_200_000),
    ])
    func `a time is whole milliseconds, or a number with a unit`(_ text: String, _ milliseconds: Int) {
        #expect(Quantity.read(text, in: TimeUnit.milliseconds) == milliseconds)
    }

    @Test(arguments: [
        ("1024", 1024), ("1B", 1), ("1KB", 1000), ("1MB", 1_000_000), ("1GB", 1_000_000_000), ("1KiB", 1024),
        ("64MiB", 64 << 20), ("1.5GiB", 3 << 29), ("0.5KiB", 512),
    ])
    func `a size is whole bytes, or a number with a unit`(_ text: String, _ bytes: Int) {
        #expect(Quantity.read(text, in: SizeUnit.bytes) == bytes)
    }

    @Test func `what counts in another unit is read in that one, where it is exact`() {
        #expect(Quantity.read("7", in: TimeUnit.days) == 7)
        #expect(Quantity.read("48h", in: TimeUnit.days) == 2)
        #expect(Quantity.read("36h", in: TimeUnit.days) == nil)
        #expect(Quantity.read("1MiB", in: SizeUnit.kibibytes) == 1024)
        #expect(Quantity.read("1MB", in: SizeUnit.kibibytes) == nil)
    }

    @Test(arguments: [
        "", "s", ".", ".5s", "1.s", "1.", "1.5", "1..5s", "1.2.3s", "-1s", "+1s", " 1s", "1 s", "1s ", "1S", "1sec",
        "1min",
        "1e3s", "1KiB", "1ms1", "0.0001s", "٣s", "٣", "1,5s", "9223372036854775807s", "9223372036854775808",
        "0.0000000000000000000001s", "1.00000000000000000000000000000001d", "0x10", "1\u{301}s",
    ])
    func `what is neither, not exact or too large is none`(_ text: String) {
        #expect(Quantity.read(text, in: TimeUnit.milliseconds) == nil)
    }

    @Test(arguments: ["1kb", "1mb", "1Kb", "1k", "1K", "1M", "0.5B", "1TiB", "9999999999999999999GiB", "1s"])
    func `a size of no unit or no whole bytes is none`(_ text: String) {
        #expect(Quantity.read(text, in: SizeUnit.bytes) == nil)
    }

    @Test func `ranges hold whatever the unit`() {
        let kind = OptionKind.milliseconds(250...60_000)
        #expect(kind.read("1m") == .duration(.seconds(60)))
        #expect(kind.read("61s") == nil && kind.read("0.2s") == nil)
        #expect(OptionKind.bytes(1024...2048).read("2KiB") == .integer(2048))
        #expect(OptionKind.bytes(1024...2048).read("1KB") == nil)
        #expect(OptionKind.size(1...10, in: .kibibytes).read("4096B") == .integer(4))
        #expect(OptionKind.time(1...10, in: .days).read("1d") == .duration(.seconds(86_400)))
        #expect(
            kind.accepted == "milliseconds from 250 to 60000, or as much with a unit, such as 30s (ms, s, m, h or d)")
    }

    /// However a number is written, it is what its digits say.
    @Test func `each number of milliseconds is read in every unit in which it can be written`() {
        for milliseconds in stride(from: 0, through: 200_000_000, by: 7_777_777) {
            for unit in TimeUnit.allCases {
                let whole = milliseconds / unit.factor
                let rest = milliseconds % unit.factor
                // Decimals that end: tenths of milliseconds of a factor that only has twos and fives beside threes.
                guard rest * 1_000_000 % unit.factor == 0 else { continue }
                let decimals = String(rest * 1_000_000 / unit.factor + 1_000_000).dropFirst()
                #expect(
                    Quantity.read("\(whole).\(decimals)\(unit.rawValue)", in: TimeUnit.milliseconds) == milliseconds)
            }
        }
    }
}
