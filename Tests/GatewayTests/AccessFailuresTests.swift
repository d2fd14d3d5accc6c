@testable import Gateway
import Reactor
import Testing

@Suite struct AccessFailuresTests {
    private let start = EventLoop.Instant.now

    @Test func `beyond the burst failures are told when an interval has passed for each`() {
        var failures = AccessFailures()
        for _ in 0..<AccessFailures.burst { #expect(failures.note(.unknownToken, now: start) == .unknownToken) }
        #expect(failures.note(.unknownToken, now: start) == .tooMany(retryAfter: 1))
        let later = start + AccessFailures.interval
        #expect(failures.note(.noToken(orCertificate: false), now: later) == .noToken(orCertificate: false))
        #expect(failures.note(.noToken(orCertificate: false), now: later) == .tooMany(retryAfter: 1))
        let much = start + AccessFailures.interval * AccessFailures.burst * 3
        for _ in 0..<AccessFailures.burst { #expect(failures.note(.unknownToken, now: much) == .unknownToken) }
        #expect(failures.note(.unknownClient([], orToken: false), now: much) == .tooMany(retryAfter: 1))
        #expect(
            failures.counts == [
                .unknownToken: 2 * AccessFailures.burst, .missingToken: 1, .tooManyAccessFailures: 3,
            ])
    }

    @Test func `what is proven, and is not granted, is counted and never bounded`() {
        var failures = AccessFailures()
        for _ in 0...AccessFailures.burst { _ = failures.note(.unknownToken, now: start) }
        for _ in 0..<1000 { #expect(failures.note(.verb(.put, []), now: start) == .verb(.put, [])) }
        #expect(failures.counts[.verbNotGranted] == 1000)
    }
}
