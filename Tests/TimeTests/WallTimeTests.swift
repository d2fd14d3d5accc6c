import Testing
import Time

@Suite struct WallTimeTests {
    private let sample = WallTime(milliseconds: 1_767_323_045_678)

    @Test func `the three texts of one time`() {
        #expect(sample.iso8601 == "2026-01-02T03:04:05.678Z")
        #expect(sample.basicISO8601 == "20260102T030405Z")
        #expect(sample.httpDate == "Fri, 02 Jan 2026 03:04:05 GMT")
    }

    @Test func `each text is read back`() {
        #expect(WallTime(iso8601: "2026-01-02T03:04:05.678Z") == sample)
        #expect(WallTime(basicISO8601: "20260102T030405Z")?.milliseconds == 1_767_323_045_000)
        #expect(WallTime(httpDate: "Fri, 02 Jan 2026 03:04:05 GMT")?.milliseconds == 1_767_323_045_000)
    }

    @Test func `an offset is taken off`() {
        #expect(WallTime(iso8601: "2026-01-02T05:34:05.678+02:30") == sample)
        #expect(WallTime(iso8601: "2026-01-01T22:04:05.6780001-05:00") == sample)
    }

    @Test(arguments: [
        "", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+9:00",
    ])
    func `what is not a time is refused`(_ text: String) {
        #expect(WallTime(iso8601: text) == nil)
    }

    @Test func `every day of eight hundred years comes back`() {
        for day in stride(from: -146_097, through: 146_097, by: 1) {
            let time = WallTime(milliseconds: Int64(day) * 86_400_000 + 1)
            #expect(CalendarDate(time).wallTime == time)
        }
    }

    @Test func `the end of a leap day before the epoch`() {
        #expect(CalendarDate(WallTime(milliseconds: -1)).year == 1969)
        #expect(WallTime(iso8601: "1968-02-29T23:59:59.999Z")?.iso8601 == "1968-02-29T23:59:59.999Z")
    }
}
