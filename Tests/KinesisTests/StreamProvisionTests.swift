import AWS
import Reactor
import TestSupport
import Testing
import Time

@testable import Kinesis

private let start = ContinuousClock.now
private let stream = StreamName("orders")!

private func error(_ code: String) -> AWSError {
    .service(ServiceError(code: code, message: "", status: 400))
}

private let missing = error("ResourceNotFoundException")
private let throttled = error("ThrottlingException")
private let inUse = error("ResourceInUseException")
private let denied = error("AccessDeniedException")

private func summary(_ status: StreamStatus) -> StreamSummary {
    StreamSummary(
        name: stream, arn: "arn", status: status, creation: WallTime(milliseconds: 1), openShards: 1,
        retentionHours: 24, encryption: "NONE", mode: .provisioned, maxRecordBytes: 1 << 20)
}

@Suite struct StreamProvisionTests {
    private func provision(shards: Int? = 3, waitsOutFailures: Bool = true) -> StreamProvision {
        StreamProvision(
            creating: shards.map { .provisioned(shards: $0) }, waitsOutFailures: waitsOutFailures, now: start)
    }

    @Test(arguments: [StreamStatus.active, .updating])
    func `a stream that can be read and written is ready, and not new`(status: StreamStatus) {
        var provision = provision()
        #expect(provision.described(summary(status), now: start) == .ready(summary(status)))
        #expect(!provision.isNew)
    }

    @Test func `a missing stream is created, looked at after a pause, and new`() {
        var provision = provision()
        #expect(provision.describeFailed(missing, now: start) == .create(.provisioned(shards: 3)))
        #expect(provision.created(now: start) == .look(at: start + .milliseconds(50)))
        let later = start + .milliseconds(60)
        #expect(provision.described(summary(.creating), now: later) == .look(at: later + .milliseconds(100)))
        #expect(provision.described(summary(.active), now: later) == .ready(summary(.active)))
        #expect(provision.isNew)
    }

    @Test func `a stream that was created and is not shown yet is not created twice`() {
        var provision = provision()
        _ = provision.describeFailed(missing, now: start)
        _ = provision.created(now: start)
        #expect(provision.describeFailed(missing, now: start) == .look(at: start + .milliseconds(100)))
    }

    @Test func `a stream that another one creates is waited for, and created where it goes again`() {
        var provision = provision()
        _ = provision.describeFailed(missing, now: start)
        #expect(provision.createFailed(inUse, now: start) == .look(at: start + .milliseconds(50)))
        #expect(provision.isNew)
        #expect(provision.described(summary(.deleting), now: start) == .look(at: start + .milliseconds(100)))
        #expect(provision.describeFailed(missing, now: start) == .create(.provisioned(shards: 3)))
    }

    @Test func `a missing stream that is not to be created fails at once`() {
        var provision = provision(shards: nil)
        #expect(provision.describeFailed(missing, now: start) == .fail(.missing))
    }

    @Test func `passing failures are waited out, unless the calls do that themselves`() {
        var waiting = provision()
        #expect(waiting.describeFailed(throttled, now: start) == .look(at: start + .milliseconds(50)))
        #expect(waiting.createFailed(throttled, now: start) == .look(at: start + .milliseconds(100)))
        #expect(waiting.describeFailed(missing, now: start) == .create(.provisioned(shards: 3)), "it was not created")
        var failing = provision(waitsOutFailures: false)
        #expect(failing.describeFailed(throttled, now: start) == .fail(.service(throttled)))
        #expect(failing.createFailed(throttled, now: start) == .fail(.service(throttled)))
    }

    @Test func `a failure that stays ends the waiting`() {
        var provision = provision()
        #expect(provision.describeFailed(denied, now: start) == .fail(.service(denied)))
        #expect(provision.createFailed(denied, now: start) == .fail(.service(denied)))
    }

    @Test func `pauses grow to two seconds, and after two minutes the last status is told`() {
        var provision = provision()
        var now = start
        var pauses: [Duration] = []
        while case .look(let moment) = provision.described(summary(.creating), now: now) {
            pauses.append(moment - now)
            now = moment
        }
        let first: [Duration] = [50, 100, 200, 400, 800, 1600, 2000].map { .milliseconds($0) }
        #expect(Array(pauses.prefix(7)) == first)
        #expect(pauses.max() == .seconds(2))
        #expect(now >= start + .seconds(120) && now < start + .seconds(122))
        #expect(provision.described(summary(.creating), now: now) == .fail(.notReady(status: "CREATING")))
        #expect(provision.describeFailed(missing, now: now) == .fail(.notReady(status: "missing")))
    }

    @Test func `the calls are made as decided, and the loop waits in between`() async throws {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let calls = Calls()
            let began = loop.now
            let provision = StreamProvision(creating: .provisioned(shards: 2), waitsOutFailures: true, now: loop.now)
            let stream = try await ProvisionedStream(provision, on: loop) { () throws(AWSError) in
                try calls.describe()
            } create: { shards throws(AWSError) in
                calls.made.append("create \(shards)")
            }
            #expect(stream.isNew && stream.summary == summary(.active))
            #expect(calls.made == ["describe", "create with 2 shards", "describe", "describe"])
            #expect(loop.now - began == .milliseconds(150))
        }
    }

    @Test func `who is cancelled while it waits waits no longer`() async throws {
        try await onLoop(time: .manual(.whenAdvanced)) { loop in
            let waiting = Task(executorPreference: loop) {
                let provision = StreamProvision(creating: nil, waitsOutFailures: true, now: loop.now)
                do throws(StreamProvisionError) {
                    _ = try await ProvisionedStream(provision, on: loop) { () throws(AWSError) in
                        summary(.creating)
                    } create: { _ throws(AWSError) in
                    }
                    return StreamProvisionError?.none
                } catch {
                    return error
                }
            }
            await loop.nextTurn()
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
        }
    }
}

/// Missing at first, then being created, then there.
private final class Calls: @unchecked Sendable {
    var made: [String] = []

    func describe() throws(AWSError) -> StreamSummary {
        made.append("describe")
        switch made.count {
        case 1: throw missing
        case 3: return summary(.creating)
        default: return summary(.active)
        }
    }
}
