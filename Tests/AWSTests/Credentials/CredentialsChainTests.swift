import Reactor
import TestSupport
import Testing
import Time

@testable import AWS

/// One chain that several clients share, while its source takes its time or fails.
@Suite(.timeLimit(.minutes(4))) struct CredentialsChainTests {
    private static let now = WallTime(milliseconds: 1_767_323_045_000)
    private static let failure = CredentialsError.incomplete(source: "source", missing: "secret")

    /// Holds each load until the test lets it end, at the time that the test sets. Confined to its loop.
    private final class Source: CredentialsSource, @unchecked Sendable {
        var now = CredentialsChainTests.now
        private(set) var loads = 0
        private var next: [Result<Credentials, CredentialsError>] = []
        private let gate: Gate

        init(_ loop: EventLoop) {
            gate = Gate(loop: loop)
        }

        func place() throws(CredentialsError) -> String { "source" }

        func load() async throws(CredentialsError) -> (credentials: Credentials, place: String) {
            loads += 1
            do throws(CancellationError) {
                try await gate.wait(while: { next.isEmpty })
            } catch {
                throw .cancelled
            }
            return (try next.removeFirst().get(), "source \(loads)")
        }

        func ends(_ results: Result<Credentials, CredentialsError>...) {
            next += results
            gate.open()
        }
    }

    private static func chain(_ source: Source) -> CredentialsChain {
        CredentialsChain(source, clock: { source.now }, random: { 0 })
    }

    private static func credentials(_ id: String, until seconds: Int? = nil) -> Credentials {
        Credentials(
            accessKeyID: id, secretAccessKey: Secret("s"),
            expiration: seconds.map { now.advanced(by: .seconds($0)) },
            accountID: AccountID("123456789012"))
    }

    /// What a task that asks the chain gets: the key id, `failed`, or `cancelled`.
    private static func ask(_ chain: CredentialsChain, on loop: EventLoop) -> Task<String, Never> {
        Task(executorPreference: loop) {
            do throws(CredentialsError) {
                return try await chain.credentials().accessKeyID
            } catch {
                return error == .cancelled ? "cancelled" : "failed"
            }
        }
    }

    private static func turns(_ loop: EventLoop) async {
        for _ in 1...3 { await loop.nextTurn() }
    }

    @Test func `all who wait get what one load brings, or its failure`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = Self.chain(source)
            let failing = (1...3).map { _ in Self.ask(chain, on: loop) }
            await Self.turns(loop)
            #expect(chain.status.condition == .fetching)
            source.ends(.failure(Self.failure))
            for task in failing { #expect(await task.value == "failed") }
            #expect(source.loads == 1)
            #expect(chain.status.condition == .missing && chain.status.problem == Self.failure)
            source.now = Self.now.advanced(by: CredentialsState.failurePause)
            let asking = (1...3).map { _ in Self.ask(chain, on: loop) }
            await Self.turns(loop)
            source.ends(.success(Self.credentials("new")))
            for task in asking { #expect(await task.value == "new") }
            #expect(source.loads == 2)
            #expect(chain.status.condition == .good && chain.status.problem == nil)
            #expect(chain.status.place == "source 2" && chain.status.accountID?.text == "123456789012")
        }
    }

    @Test func `a task that is cancelled waits no more, and leaves the load to the others`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = Self.chain(source)
            let tasks = (1...3).map { _ in Self.ask(chain, on: loop) }
            await Self.turns(loop)
            tasks[0].cancel()
            #expect(await tasks[0].value == "cancelled")
            source.ends(.success(Self.credentials("new")))
            #expect(await tasks[1].value == "new")
            #expect(await tasks[2].value == "new")
            #expect(source.loads == 1)
        }
    }

    @Test func `nobody waits for the successor of what is good still, and a failure is told`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = Self.chain(source)
            var told: [CredentialsError] = []
            chain.onRefreshFailure = { told.append($0) }
            source.ends(.success(Self.credentials("old", until: 3600)))
            #expect(await Self.ask(chain, on: loop).value == "old")
            source.now = Self.now.advanced(by: .seconds(3300))
            #expect(await Self.ask(chain, on: loop).value == "old")
            #expect(await Self.ask(chain, on: loop).value == "old")
            #expect(source.loads == 2)
            source.ends(.failure(Self.failure))
            await Self.turns(loop)
            #expect(told == [Self.failure] && chain.status.problem == Self.failure)
            #expect(chain.status.condition == .good && chain.status.expiration == Self.now.advanced(by: .seconds(3600)))
            source.now = Self.now.advanced(by: .seconds(3310))
            #expect(await Self.ask(chain, on: loop).value == "old")
            source.ends(.success(Self.credentials("new", until: 7200)))
            await Self.turns(loop)
            #expect(await Self.ask(chain, on: loop).value == "new")
            #expect(chain.status.problem == nil && source.loads == 3)
        }
    }

    @Test func `one refusal asks the source once, whoever asks then`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = Self.chain(source)
            let old = Self.credentials("old")
            source.ends(.success(old), .success(old))
            #expect(await Self.ask(chain, on: loop).value == "old")
            for _ in 1...5 {
                chain.expired(old)
                #expect(await Self.ask(chain, on: loop).value == "old")
            }
            #expect(source.loads == 2 && chain.status.condition == .refused)
        }
    }
}
