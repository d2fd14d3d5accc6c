import Reactor
import TestSupport
import Testing
import Time

@testable import AWS

/// One chain that several clients share, while its source takes its time or fails.
@Suite(.timeLimit(.minutes(1))) struct CredentialsRefreshTests {
    private static let now = WallTime(milliseconds: 1_767_323_045_000)
    private static let failure = CredentialsError.incomplete(source: "source", missing: "secret")

    /// Holds each load until the test lets it end. Confined to its loop.
    private final class Source: CredentialsSource, @unchecked Sendable {
        let name = "source"
        private(set) var loads = 0
        private var next: [Result<Credentials, CredentialsError>] = []
        private let gate: Gate

        init(_ loop: EventLoop) {
            gate = Gate(loop: loop)
        }

        func load(now: WallTime) async throws(CredentialsError) -> Credentials? {
            loads += 1
            do throws(CancellationError) {
                try await gate.wait(while: { next.isEmpty })
            } catch {
                throw .incomplete(source: "cancelled", missing: "everything")
            }
            return try next.removeFirst().get()
        }

        func ends(_ results: Result<Credentials, CredentialsError>...) {
            next += results
            gate.open()
        }
    }

    private static func credentials(_ id: String, until end: WallTime? = nil) -> Credentials {
        Credentials(accessKeyID: id, secretAccessKey: Secret("s"), expiration: end)
    }

    /// What a task that asks the chain gets: the key id, or `failed`.
    private static func ask(
        _ chain: CredentialsChain, on loop: EventLoop, at now: WallTime = now
    ) -> Task<String, Never> {
        Task(executorPreference: loop) {
            do throws(CredentialsError) {
                return try await chain.credentials(now: now).accessKeyID
            } catch {
                return "failed"
            }
        }
    }

    @Test func `all who wait get what one load brings, or its failure`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            let failing = (1...3).map { _ in Self.ask(chain, on: loop) }
            for _ in 1...3 { await loop.nextTurn() }
            source.ends(.failure(Self.failure))
            for task in failing { #expect(await task.value == "failed") }
            #expect(source.loads == 1)
            // The failure stands for a moment: whoever comes then does not ask the source again.
            let pause = CredentialsChain.failurePause
            let almost = Self.now.advanced(by: pause - .milliseconds(1))
            #expect(await Self.ask(chain, on: loop, at: almost).value == "failed")
            #expect(source.loads == 1)
            let asking = (1...3).map { _ in Self.ask(chain, on: loop, at: Self.now.advanced(by: pause)) }
            for _ in 1...3 { await loop.nextTurn() }
            source.ends(.success(Self.credentials("new")))
            for task in asking { #expect(await task.value == "new") }
            #expect(source.loads == 2)
        }
    }

    @Test func `when the task that asks is cancelled another one of those who wait asks`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            let tasks = (1...3).map { _ in Self.ask(chain, on: loop) }
            for _ in 1...3 { await loop.nextTurn() }
            tasks[0].cancel()
            #expect(await tasks[0].value == "failed")
            for _ in 1...3 { await loop.nextTurn() }
            source.ends(.success(Self.credentials("new")))
            #expect(await tasks[1].value == "new")
            #expect(await tasks[2].value == "new")
            #expect(source.loads == 2)
        }
    }

    @Test func `what ends soon is used by all others while one task asks for new ones`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            let end = Self.now.advanced(by: .seconds(3600))
            source.ends(.success(Self.credentials("old", until: end)))
            #expect(await Self.ask(chain, on: loop).value == "old")
            let soon = end.advanced(by: .seconds(-60))
            let first = Self.ask(chain, on: loop, at: soon)
            for _ in 1...3 { await loop.nextTurn() }
            #expect(await Self.ask(chain, on: loop, at: soon).value == "old")
            let tooLate = Self.ask(chain, on: loop, at: end)
            for _ in 1...3 { await loop.nextTurn() }
            source.ends(.success(Self.credentials("new")))
            #expect(await first.value == "new")
            #expect(await tooLate.value == "new")
            #expect(source.loads == 2)
        }
    }

    @Test func `what is held is kept until it ends while its refresh fails, and each failure is told`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            var told: [CredentialsError] = []
            chain.onRefreshFailure = { told.append($0) }
            let end = Self.now.advanced(by: .seconds(3600))
            source.ends(
                .success(Self.credentials("old", until: end)), .failure(Self.failure), .failure(Self.failure),
                .failure(Self.failure), .success(Self.credentials("new")))
            let script: [(secondsToEnd: Int64, gets: String, loads: Int)] = [
                (3600, "old", 1), (300, "old", 2), (299, "old", 2), (291, "old", 2), (290, "old", 3),
                (0, "failed", 4), (-1, "failed", 4), (-2, "new", 5),
            ]
            for step in script {
                let now = end.advanced(by: .seconds(-step.secondsToEnd))
                #expect(await Self.ask(chain, on: loop, at: now).value == step.gets)
                #expect(source.loads == step.loads)
            }
            #expect(told == [Self.failure, Self.failure], "the third one is thrown")
        }
    }

    @Test func `credentials that the service refused are not kept while their refresh fails`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            let old = Self.credentials("old", until: Self.now.advanced(by: .seconds(3600)))
            source.ends(.success(old), .failure(Self.failure), .success(Self.credentials("new")))
            #expect(await Self.ask(chain, on: loop).value == "old")
            chain.expired(old)
            #expect(await Self.ask(chain, on: loop).value == "failed")
            let later = Self.now.advanced(by: CredentialsChain.failurePause)
            #expect(await Self.ask(chain, on: loop, at: later).value == "new")
        }
    }

    @Test func `credentials that the service refuses again and again are not loaded for each refusal`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            let old = Self.credentials("old")
            source.ends(.success(old), .success(old), .success(old), .success(Self.credentials("new")))
            #expect(await Self.ask(chain, on: loop).value == "old")
            for _ in 1...5 {
                chain.expired(old)
                #expect(await Self.ask(chain, on: loop).value == "old")
            }
            #expect(source.loads == 2, "the first refusal asks at once, in case somebody has renewed them")
            var now = Self.now.advanced(by: CredentialsChain.refreshPause)
            chain.expired(old)
            #expect(await Self.ask(chain, on: loop, at: now).value == "old")
            now = now.advanced(by: CredentialsChain.refreshPause)
            #expect(await Self.ask(chain, on: loop, at: now).value == "new")
            #expect(source.loads == 4)
        }
    }

    @Test func `a pause does not outlast a clock that is set back`() async throws {
        try await onLoop { loop in
            let source = Source(loop)
            let chain = CredentialsChain([source])
            source.ends(.failure(Self.failure), .success(Self.credentials("new")))
            #expect(await Self.ask(chain, on: loop).value == "failed")
            #expect(await Self.ask(chain, on: loop, at: Self.now.advanced(by: .seconds(-3600))).value == "new")
        }
    }
}
