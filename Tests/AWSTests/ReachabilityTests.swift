import Reactor
import TestSupport
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(4))) struct ReachabilityTests {
    private static let refused = TransportError.notConnected(reason: "refused")

    @Test func `who waits because a connection could not be made goes on with the first response`() async throws {
        try await onLoop { loop in
            let reachability = Reachability(loop: loop)
            var returns = 0
            reachability.onReturn = { returns += 1 }
            reachability.failed(Self.refused)
            let waiting = (1...3).map { _ in
                loop.spawn { try? await reachability.wait(until: loop.now + .seconds(3600)) }
            }
            for _ in 1...3 { await loop.nextTurn() }
            #expect(returns == 0)
            reachability.responded()
            for task in waiting { await task.value }
            reachability.responded()
            #expect(returns == 1)
        }
    }

    @Test func `the wait ends at its deadline, and with its task`() async throws {
        try await onLoop { loop in
            let reachability = Reachability(loop: loop)
            reachability.failed(Self.refused)
            try await reachability.wait(until: loop.now + .milliseconds(1))
            let task = Task(executorPreference: loop) {
                do {
                    try await reachability.wait(until: loop.now + .seconds(3600))
                    return false
                } catch {
                    return true
                }
            }
            await loop.nextTurn()
            task.cancel()
            #expect(await task.value)
        }
    }

    @Test(arguments: [
        (TransportError.nameNotResolved(host: "h"), true), (refused, true), (.timedOut(.connect, after: .zero), true),
        (.timedOut(.total, after: .zero), false), (.cut(reason: ""), false), (.tls(reason: ""), false),
    ])
    func `only what never reached anybody makes a service unreachable`(
        _ error: TransportError, _ isUnreachable: Bool
    ) async throws {
        #expect(AWSError.transport(error).isUnreachable == isUnreachable)
        try await onLoop { loop in
            let reachability = Reachability(loop: loop)
            var returns = 0
            reachability.onReturn = { returns += 1 }
            reachability.failed(error)
            reachability.responded()
            #expect(returns == (isUnreachable ? 1 : 0))
        }
    }
}
