import Testing

@testable import AWS

@Suite struct RetryPolicyTests {
    private func delays(_ policy: RetryPolicy, random: Double, attempts: Int) -> [Duration?] {
        (1...attempts).map { policy.nextDelay(attempt: $0, elapsed: .zero, random: random) }
    }

    @Test func `by default waits double from 1 s to 5 min and never end`() {
        let bounds = delays(.default, random: 1, attempts: 12).map { $0?.components.seconds }
        #expect(bounds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        #expect(RetryPolicy.default.nextDelay(attempt: .max, elapsed: .seconds(1_000_000), random: 1) == .seconds(300))
    }

    @Test func `full jitter spreads a wait from nothing to its bound`() {
        #expect(RetryPolicy.default.nextDelay(attempt: 3, elapsed: .zero, random: 0) == .zero)
        #expect(RetryPolicy.default.nextDelay(attempt: 3, elapsed: .zero, random: 0.25) == .seconds(1))
        #expect(RetryPolicy.default.nextDelay(attempt: 3, elapsed: .zero, random: 0.5) == .seconds(2))
    }

    @Test func `without randomize each wait is its bound`() {
        let policy = RetryPolicy(factor: 3, minTimeout: .milliseconds(100), maxTimeout: .seconds(1), randomize: false)
        #expect(
            delays(policy, random: 0.1, attempts: 4)
                == [.milliseconds(100), .milliseconds(300), .milliseconds(900), .seconds(1)])
    }

    @Test func `retries bounds the attempts unless forever`() {
        let policy = RetryPolicy(retries: 2, randomize: false, forever: false)
        #expect(delays(policy, random: 0, attempts: 4) == [.seconds(1), .seconds(2), nil, nil])
        let none = RetryPolicy(retries: 0, forever: false)
        #expect(none.nextDelay(attempt: 1, elapsed: .zero, random: 0) == nil)
    }

    @Test func `maxRetryTime ends even what is forever`() {
        let policy = RetryPolicy(randomize: false, maxRetryTime: .seconds(10))
        #expect(policy.nextDelay(attempt: 2, elapsed: .seconds(8), random: 0) == .seconds(2))
        #expect(policy.nextDelay(attempt: 2, elapsed: .seconds(9), random: 0) == nil)
    }

    @Test func `a factor of one and a minimum over the maximum stay in bounds`() {
        let even = RetryPolicy(factor: 1, randomize: false)
        #expect(even.nextDelay(attempt: 1_000_000_000, elapsed: .zero, random: 0) == .seconds(1))
        let inverted = RetryPolicy(minTimeout: .seconds(9), maxTimeout: .seconds(3), randomize: false)
        #expect(inverted.nextDelay(attempt: 1, elapsed: .zero, random: 0) == .seconds(3))
    }

    @Test func `a kind of failure may ask for a longer wait, which maxRetryTime counts too`() {
        let policy = RetryPolicy(maxRetryTime: .seconds(60))
        #expect(policy.nextDelay(attempt: 1, elapsed: .zero, random: 0.5, least: .seconds(45)) == .seconds(45))
        #expect(policy.nextDelay(attempt: 1, elapsed: .seconds(20), random: 0.5, least: .seconds(45)) == nil)
        #expect(policy.nextDelay(attempt: 9, elapsed: .zero, random: 0.125, least: .seconds(1)) == .seconds(32))
    }

    @Test func `a kind of failure may bear no long wait`() {
        let policy = RetryPolicy(randomize: false)
        #expect(policy.nextDelay(attempt: 9, elapsed: .zero, random: 0, longest: .seconds(5)) == .seconds(5))
        #expect(policy.nextDelay(attempt: 1, elapsed: .zero, random: 0, longest: .seconds(5)) == .seconds(1))
        #expect(AWSError.transport(.notConnected(reason: "refused")).longestDelay == .seconds(5))
        #expect(AWSError.transport(.cut(reason: "reset")).longestDelay == nil)
    }

    @Test(arguments: [
        (Disposition.retry, Duration.zero as Duration?), (.throttled, .zero), (.limitExceeded, .seconds(1)),
        (.denied, .seconds(45)), (.refreshCredentials, .seconds(45)), (.clockSkew, .seconds(45)),
        (.expiredIterator, nil), (.expiredNextToken, nil), (.resourceInUse, nil), (.notFound, nil),
        (.invalidArgument, nil), (.cancelled, nil), (.fatal, nil),
    ])
    func `what only people can mend waits 30 to 60 s, what cannot be mended is not tried again`(
        disposition: Disposition, least: Duration?
    ) {
        #expect(disposition.leastDelay(random: 0.5) == least)
    }
}
