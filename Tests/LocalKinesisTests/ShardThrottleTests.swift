import Testing

@testable import LocalKinesis

/// A throttle that an expectation can ask; the macro takes no mutating calls.
private final class Throttle {
    private var value = ShardThrottle()
    func mayRead(now: ContinuousClock.Instant) -> Bool { value.mayRead(now: now) }
    func mayMakeIterator(now: ContinuousClock.Instant) -> Bool { value.mayMakeIterator(now: now) }
    func didRead(bytes: Int, now: ContinuousClock.Instant) { value.didRead(bytes: bytes, now: now) }
    func admitWrite(bytes: Int, now: ContinuousClock.Instant) -> Bool { value.admitWrite(bytes: bytes, now: now) }
}

@Suite struct ShardThrottleTests {
    private let start = ContinuousClock.now

    @Test func `five reads a second, in any second`() {
        let throttle = Throttle()
        for step in 0..<5 { #expect(throttle.mayRead(now: start + .milliseconds(step * 100))) }
        #expect(!throttle.mayRead(now: start + .milliseconds(999)))
        // The first of them is a second old, the second is not.
        #expect(throttle.mayRead(now: start + .milliseconds(1000)))
        #expect(!throttle.mayRead(now: start + .milliseconds(1050)))
    }

    @Test func `iterators are counted apart from reads`() {
        let throttle = Throttle()
        for _ in 0..<5 { #expect(throttle.mayRead(now: start)) }
        for _ in 0..<5 { #expect(throttle.mayMakeIterator(now: start)) }
        #expect(!throttle.mayMakeIterator(now: start))
    }

    @Test func `an answer of 10 MiB closes the shard to readers for five seconds`() {
        let throttle = Throttle()
        #expect(throttle.mayRead(now: start))
        throttle.didRead(bytes: 10 * 1024 * 1024, now: start)
        #expect(!throttle.mayRead(now: start + .milliseconds(4999)))
        #expect(throttle.mayRead(now: start + .milliseconds(5001)))
    }

    @Test func `what was read beyond 2 MiB is paid off before the next read`() {
        let throttle = Throttle()
        #expect(throttle.mayRead(now: start))
        throttle.didRead(bytes: 6 * 1024 * 1024, now: start)
        #expect(!throttle.mayRead(now: start + .milliseconds(1900)))
        #expect(throttle.mayRead(now: start + .milliseconds(2100)))
    }

    @Test func `a thousand records a second`() {
        let throttle = Throttle()
        for _ in 0..<1000 { #expect(throttle.admitWrite(bytes: 10, now: start)) }
        #expect(!throttle.admitWrite(bytes: 10, now: start))
        #expect(!throttle.admitWrite(bytes: 10, now: start + .microseconds(900)))
        #expect(throttle.admitWrite(bytes: 10, now: start + .milliseconds(2)))
    }

    @Test func `a megabyte a second, and a record refused costs nothing`() {
        let throttle = Throttle()
        #expect(throttle.admitWrite(bytes: 600_000, now: start))
        #expect(!throttle.admitWrite(bytes: 600_000, now: start))
        #expect(throttle.admitWrite(bytes: 400_000, now: start))
        #expect(!throttle.admitWrite(bytes: 600_000, now: start + .milliseconds(400)))
        #expect(throttle.admitWrite(bytes: 600_000, now: start + .milliseconds(600)))
    }

    @Test func `a record larger than a second's share is taken and paid off`() {
        let throttle = Throttle()
        #expect(throttle.admitWrite(bytes: 5 * 1024 * 1024, now: start))
        #expect(!throttle.admitWrite(bytes: 1000, now: start + .milliseconds(3900)))
        #expect(throttle.admitWrite(bytes: 1000, now: start + .milliseconds(4100)))
    }
}
