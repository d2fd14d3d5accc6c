/// The texts in which HTTP, AWS and JSON write times.
extension WallTime {
    /// `2026-01-02T03:04:05.678Z` (RFC 3339 with milliseconds): records, the state item, logs.
    package var iso8601: String {
        let date = CalendarDate(self)
        return Self.pad(date.year, 4) + "-" + Self.pad(date.month, 2) + "-" + Self.pad(date.day, 2) + "T"
            + Self.pad(date.hour, 2) + ":" + Self.pad(date.minute, 2) + ":" + Self.pad(date.second, 2) + "."
            + Self.pad(date.millisecond, 3) + "Z"
    }

    /// `20260102T030405Z`: SigV4's X-Amz-Date.
    package var basicISO8601: String {
        let date = CalendarDate(self)
        return Self.pad(date.year, 4) + Self.pad(date.month, 2) + Self.pad(date.day, 2) + "T"
            + Self.pad(date.hour, 2) + Self.pad(date.minute, 2) + Self.pad(date.second, 2) + "Z"
    }

    /// `Fri, 02 Jan 2026 03:04:05 GMT`: the Date header (RFC 9110, 5.6.7).
    package var httpDate: String {
        let date = CalendarDate(self)
        return Self.weekdays[date.weekday] + ", " + Self.pad(date.day, 2) + " " + Self.months[date.month - 1] + " "
            + Self.pad(date.year, 4) + " " + Self.pad(date.hour, 2) + ":" + Self.pad(date.minute, 2) + ":"
            + Self.pad(date.second, 2) + " GMT"
    }

    /// `1700000000.123`: seconds since the epoch, as the JSON protocols of AWS write times. Digit by digit: a Double would
    /// round some milliseconds.
    package var epochSeconds: String {
        let (seconds, fraction) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        return (milliseconds < 0 ? "-" : "") + String(seconds) + "." + Self.pad(Int(fraction), 3)
    }

    /// Reads RFC 3339 in UTC or with an offset, with or without a fraction (of which milliseconds are kept).
    package init?(iso8601 text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2), scanner.skip("-"),
            let day = scanner.number(2), scanner.skip("T") || scanner.skip("t") || scanner.skip(" "),
            let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2), scanner.skip(":"),
            let second = scanner.number(2)
        else { return nil }
        var millisecond = 0
        if scanner.skip(".") {
            guard let fraction = scanner.fraction() else { return nil }
            millisecond = fraction
        }
        guard let offset = scanner.offsetMinutes(), scanner.isAtEnd else { return nil }
        let date = CalendarDate(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, millisecond: millisecond)
        guard date.isValid else { return nil }
        self.init(milliseconds: date.wallTime.milliseconds - Int64(offset) * 60_000)
    }

    /// Reads `20260102T030405Z`.
    package init?(basicISO8601 text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), let month = scanner.number(2), let day = scanner.number(2),
            scanner.skip("T"), let hour = scanner.number(2), let minute = scanner.number(2),
            let second = scanner.number(2), scanner.skip("Z"), scanner.isAtEnd
        else { return nil }
        self.init(CalendarDate(year: year, month: month, day: day, hour: hour, minute: minute, second: second))
    }

    /// Reads the Date header's preferred form (IMF-fixdate); the two obsolete forms are not read.
    package init?(httpDate text: String) {
        var scanner = DigitScanner(text)
        guard Self.weekdays.contains(where: { scanner.skip($0) }), scanner.skip(", "), let day = scanner.number(2),
            scanner.skip(" "), let month = Self.months.firstIndex(where: { scanner.skip($0) }), scanner.skip(" "),
            let year = scanner.number(4), scanner.skip(" "), let hour = scanner.number(2), scanner.skip(":"),
            let minute = scanner.number(2), scanner.skip(":"), let second = scanner.number(2), scanner.skip(" GMT"),
            scanner.isAtEnd
        else { return nil }
        self.init(CalendarDate(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second))
    }

    private init?(_ date: CalendarDate) {
        guard date.isValid else { return nil }
        self = date.wallTime
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// Reads fixed-width numbers and literal text from the front of a short text.
private struct DigitScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = Substring(text).utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number(_ width: Int) -> Int? {
        let digits = rest.prefix(width)
        guard digits.count == width, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest.removeFirst(width)
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    mutating func skip(_ literal: String) -> Bool {
        guard rest.starts(with: literal.utf8) else { return false }
        rest.removeFirst(literal.utf8.count)
        return true
    }

    /// One digit or more; the first three are the milliseconds.
    mutating func fraction() -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest.removeFirst(digits.count)
        let kept = digits.prefix(3).reduce(0) { $0 * 10 + Int($1 - 48) }
        return digits.count == 1 ? kept * 100 : digits.count == 2 ? kept * 10 : kept
    }

    /// `Z`, `+hh:mm` or `-hh:mm`.
    mutating func offsetMinutes() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        let sign = skip("-") ? -1 : skip("+") ? 1 : 0
        guard sign != 0, let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        return sign * (hours * 60 + minutes)
    }
}
