import Kinesis
import Testing

@testable import Consumer

@Suite struct CheckpointChecksTests {
    @Test func `what the log names is never asked, what it does not know always, and what lies between now and then`() {
        let start = ContinuousClock.now
        let (one, two) = (ShardID(number: 1), ShardID(number: 2))
        var checks = CheckpointChecks()
        #expect(checks.mustAsk(.named, of: one, now: start) == false)
        #expect(checks.mustAsk(.unknown, of: one, now: start) == true)
        #expect(checks.mustAsk(.unknown, of: one, now: start) == true)
        #expect(checks.mustAsk(.insideEvent, of: one, now: start) == true)
        #expect(checks.mustAsk(.insideEvent, of: one, now: start) == true, "the service has refused the first")
        checks.confirmed(one, now: start)
        #expect(checks.mustAsk(.insideEvent, of: one, now: start + .milliseconds(999)) == false)
        #expect(checks.mustAsk(.insideEvent, of: two, now: start + .milliseconds(999)) == true)
        #expect(checks.mustAsk(.insideEvent, of: one, now: start + .seconds(1)) == true)
    }
}
