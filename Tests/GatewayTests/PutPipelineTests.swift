import Bytes
@testable import Gateway
import Kinesis
import Producer
import Reactor
import TestSupport
import Testing

/// Puts on their way, and the order of their answers.
@Suite struct PutPipelineTests {
    /// Where groups are put: nothing is answered before it is told to be.
    private final class Service: @unchecked Sendable {
        /// The first line of each group, in the order in which they were put.
        private(set) var put: [Int] = []
        private var answered: Set<Int> = []
        private let gate: Gate
        private let loop: EventLoop

        init(_ loop: EventLoop) {
            self.loop = loop
            gate = Gate(loop: loop)
        }

        func take(_ group: PutLines.Group) -> PutFeed.Answer {
            let line = group.lines[0]
            put.append(line)
            return Task(executorPreference: loop) {
                try? await self.gate.wait(while: { !self.answered.contains(line) })
                return .failure(.streamMissing)
            }
        }

        func answer(_ lines: Int...) {
            answered.formUnion(lines)
            gate.open()
        }
    }

    /// What came of the puts, and whether the pipeline is at its end.
    private final class Seen: @unchecked Sendable {
        var lines: [Int] = []
        var isOver = false
        /// Whether the client takes answers.
        var takes = false
    }

    private static func lines(_ line: Int, _ text: String = "{\"data\":1}") -> PutLines {
        var draft = PutLinesDraft(stream: StreamName("s"), memory: 1 << 20, isOrdered: false)
        let text = ByteBuffer(text)
        withExtendedLifetime(text) { unsafe draft.add(text.bytes, line: line) }
        return draft.finish()
    }

    private static func settle(_ loop: EventLoop) async {
        for _ in 0..<5 { await loop.nextTurn() }
    }

    @Test func `answers come in the order of the puts, whichever is there first`() async throws {
        try await onLoop { loop in
            let (service, seen) = (Service(loop), Seen())
            let pipeline = PutPipeline(loop: loop) { service.take($0) }
            let answering = loop.spawn {
                await pipeline.answerAll { lines, results in
                    #expect(results.count == lines.groups.count)
                    seen.lines += lines.groups.flatMap(\.lines) + lines.faults.map(\.line)
                }
                seen.isOver = true
            }
            for line in 1...2 { await pipeline.put(Self.lines(line)) }
            await pipeline.put(Self.lines(3, "no record"))
            service.answer(2)
            await Self.settle(loop)
            #expect(service.put == [1, 2] && seen.lines == [])
            service.answer(1)
            await Self.settle(loop)
            #expect(seen.lines == [1, 2, 3] && !seen.isOver)
            await pipeline.put(Self.lines(4))
            pipeline.end()
            await Self.settle(loop)
            #expect(pipeline.isEnded && !seen.isOver)
            service.answer(4)
            await answering.value
            #expect(seen.lines == [1, 2, 3, 4] && seen.isOver)
        }
    }

    /// Of lines that are no records as many may wait as of groups.
    @Test(arguments: ["{\"data\":1}", "no record"])
    func `who reads waits while there is no room, until something is answered`(text: String) async throws {
        try await onLoop { loop in
            let (service, seen) = (Service(loop), Seen())
            let pipeline = PutPipeline(loop: loop) { service.take($0) }
            let most = PutPipeline.maximumGroups
            let reading = loop.spawn {
                for line in 1...most + 1 {
                    await pipeline.put(Self.lines(line, text))
                    seen.lines.append(line)
                }
            }
            await Self.settle(loop)
            #expect(seen.lines.count == most - 1, "the last one that fits waits for room for the next")
            // A client that takes no answers: what it was given still counts.
            let taken = Gate(loop: loop)
            let answering = loop.spawn {
                await pipeline.answerAll { _, _ in try? await taken.wait(while: { !seen.takes }) }
            }
            service.answer(1)
            await Self.settle(loop)
            #expect(seen.lines.count == most - 1)
            seen.takes = true
            taken.open()
            await Self.settle(loop)
            #expect(seen.lines.count >= most)
            for line in 1...most + 1 { service.answer(line) }
            await reading.value
            pipeline.end()
            await answering.value
            #expect(seen.lines.count == most + 1)
        }
    }

    @Test func `without puts it ends at once`() async throws {
        try await onLoop { loop in
            let pipeline = PutPipeline(loop: loop) { _ in preconditionFailure("nothing was put") }
            pipeline.end()
            await pipeline.answerAll { _, _ in Issue.record("nothing was put") }
        }
    }
}
