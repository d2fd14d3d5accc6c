import DynamoDB
import Testing
import Time

@Suite struct ServiceClockTests {
    /// Milliseconds of our clock.
    private func at(_ milliseconds: Int64) -> WallTime { WallTime(milliseconds: milliseconds) }

    @Test func `a clock that the responses do not contradict is left alone`() {
        var clock = ServiceClock()
        clock.heard(at(10_000), sent: at(10_050), received: at(10_080))
        #expect(clock.time(at: at(12_345)) == at(12_345))
    }

    @Test func `a clock that is behind is put forward, as little as the response demands`() {
        var clock = ServiceClock()
        clock.heard(at(70_000), sent: at(10_000), received: at(10_200))
        #expect(clock.time(at: at(10_200)) == at(70_000))
    }

    @Test func `a clock that is ahead is put back`() {
        var clock = ServiceClock()
        clock.heard(at(10_000), sent: at(70_500), received: at(70_600))
        #expect(clock.time(at: at(70_500)) == at(11_000))
    }

    @Test func `each response narrows what is known, and a slow one says little`() {
        var clock = ServiceClock()
        // The service is 60.7 s ahead.
        clock.heard(at(70_000), sent: at(10_000), received: at(10_000))
        #expect(clock.time(at: at(0)) == at(60_000))
        clock.heard(at(71_000), sent: at(10_400), received: at(10_400))
        #expect(clock.time(at: at(0)) == at(60_600))
        clock.heard(at(71_000), sent: at(6_000), received: at(11_000))
        #expect(clock.time(at: at(0)) == at(60_600))
    }

    @Test func `a clock that somebody sets is followed`() {
        var clock = ServiceClock()
        clock.heard(at(70_000), sent: at(10_000), received: at(10_000))
        clock.heard(at(72_000), sent: at(72_500), received: at(72_500))
        #expect(clock.time(at: at(72_500)) == at(73_000))
    }
}
