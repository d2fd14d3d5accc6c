/// Reads a time or a size as people write it. Performs no I/O.
package enum Quantity {
    /// How many of `unit` the text says: a whole number alone is of `unit`, one with a unit behind it, decimal or not, of
    /// that. Nil where it is neither, where it comes to no whole number of `unit`, and where that has no room in an Int.
    package static func read<Unit: QuantityUnit>(_ text: String, in unit: Unit) -> Int? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        let hasUnit = number.endIndex < text.endIndex
        guard parts.count <= (hasUnit ? 2 : 1), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        guard hasUnit else { return Int(number) }
        guard let written = Unit(rawValue: String(text[number.endIndex...])) else { return nil }
        let zeros = parts.count == 2 ? parts[1].reversed().prefix { $0 == "0" }.count : 0
        let decimals = parts.count == 2 ? parts[1].dropLast(zeros) : ""
        guard let digits = Int(parts[0] + decimals), let scale = power(of: 10, decimals.count) else { return nil }
        let dividend = digits.multipliedReportingOverflow(by: written.factor)
        let divisor = scale.multipliedReportingOverflow(by: unit.factor)
        guard !dividend.overflow, !divisor.overflow, dividend.partialValue % divisor.partialValue == 0 else {
            return nil
        }
        return dividend.partialValue / divisor.partialValue
    }

    private static func power(of base: Int, _ exponent: Int) -> Int? {
        var power = 1
        for _ in 0..<exponent {
            let next = power.multipliedReportingOverflow(by: base)
            if next.overflow { return nil }
            power = next.partialValue
        }
        return power
    }
}

/// The raw value is how the unit is written, in this case.
package protocol QuantityUnit: RawRepresentable<String>, CaseIterable, Equatable, Sendable {
    /// What it is in the smallest unit.
    var factor: Int { get }
    /// In the plural.
    var name: String { get }
}

extension QuantityUnit {
    /// "ms, s, m, h or d"
    package static var written: String {
        let units = allCases.map(\.rawValue)
        return units.dropLast().joined(separator: ", ") + " or " + (units.last ?? "")
    }
}

package enum TimeUnit: String, QuantityUnit {
    case milliseconds = "ms"
    case seconds = "s"
    case minutes = "m"
    case hours = "h"
    case days = "d"

    package var factor: Int {
        switch self {
        case .milliseconds: 1
        case .seconds: 1000
        case .minutes: 60_000
        case .hours: 3_600_000
        case .days: 86_400_000
        }
    }

    package var name: String { "\(self)" }
}

/// Those of 1,000 (SI) and those of 1,024 (IEC 80000-13).
package enum SizeUnit: String, QuantityUnit {
    case bytes = "B"
    case kilobytes = "KB"
    case megabytes = "MB"
    case gigabytes = "GB"
    case kibibytes = "KiB"
    case mebibytes = "MiB"
    case gibibytes = "GiB"

    package var factor: Int {
        switch self {
        case .bytes: 1
        case .kilobytes: 1000
        case .megabytes: 1_000_000
        case .gigabytes: 1_000_000_000
        case .kibibytes: 1 << 10
        case .mebibytes: 1 << 20
        case .gibibytes: 1 << 30
        }
    }

    package var name: String { "\(self)" }
}
