import AWS
import Kinesis
@testable import Producer
import TestSupport
import Testing

/// Groups: records that are requests of their own and travel together.
@Suite struct PutGroupTests {
    @Test func `records of a refused call go again in halves, and only the guilty one fails`() throws {
        let script = BatcherScript()
        let group = script.submit(group: [1, 1, 1])
        script.end(try #require(script.batch()), .refused(.invalid, .unnamed))
        let first = try #require(script.batch())
        #expect(first.entries.map(\.index) == [0])
        script.write(first)
        let rest = try #require(script.batch())
        #expect(rest.entries.map(\.index) == [1, 2])
        script.end(rest, .refused(.invalid, .unnamed))
        for index in 1..<3 {
            let alone = try #require(script.batch())
            #expect(alone.entries.map(\.index) == [index])
            if index == 1 { script.end(alone, .refused(.invalid, .unnamed)) } else { script.write(alone) }
        }
        let results = try #require(try script.answers[group]?.get().results)
        #expect(
            results == [.written("0"), .failed(code: "InvalidArgumentException", message: "too large"), .written("2")])
    }

    @Test(arguments: [0, 137, 499]) func `one bad record of 500 costs some twenty calls`(bad: Int) throws {
        let script = BatcherScript()
        let group = script.submit(group: Array(repeating: 1, count: 500))
        var calls = 0
        while let batch = script.batch() {
            calls += 1
            if batch.entries.contains(where: { $0.index == bad }) {
                script.end(batch, .refused(.invalid, .unnamed))
            } else {
                script.write(batch)
            }
        }
        let results = try #require(try script.answers[group]?.get().results)
        #expect(results.indices.filter { !results[$0].isAccepted } == [bad])
        #expect(calls <= 19, "the call, and two for each of the nine halvings")
    }

    @Test func `what was not in the refused call keeps its company`() throws {
        let script = BatcherScript()
        script.limits.records = 2
        script.limits.calls = 1
        script.restart()
        script.submit(group: [1, 1, 1, 1])
        script.end(try #require(script.batch()), .refused(.invalid, .unnamed))
        for index in 0..<2 {
            let alone = try #require(script.batch())
            #expect(alone.entries.map(\.index) == [index])
            script.write(alone)
        }
        #expect(script.batch()?.entries.map(\.index) == [2, 3])
    }

    @Test func `a group spoils no put that shares its call, nor a put the group`() throws {
        let script = BatcherScript()
        script.limits.calls = 1
        script.restart()
        let put = script.submit([1, 1])
        let group = script.submit(group: [1, 1])
        script.end(try #require(script.batch()), .refused(.invalid, .unnamed))
        let again = try #require(script.batch())
        #expect(again.entries.map(\.ticket) == [put, put])
        script.end(again, .refused(.invalid, .unnamed))
        let rest = try #require(script.batch())
        #expect(rest.entries.map(\.ticket) == [group, group])
        script.write(rest)
        #expect(throws: PutError.self) { try script.answers[put]?.get() }
        #expect(try script.answers[group]?.get().results == [.written("0"), .written("1")])
    }

    @Test func `a refusal of the whole call is told by record`() throws {
        let script = BatcherScript()
        let group = script.submit(group: [1, 1])
        script.end(try #require(script.batch()), .refused(.streamMissing, .call))
        let missing = PutResult.failed(code: "ResourceNotFoundException", message: "the stream does not exist")
        #expect(try script.answers[group]?.get().results == [missing, missing])
    }

    @Test func `at the deadline each record says whether it may have been written`() throws {
        let script = BatcherScript()
        script.limits.records = 1
        script.limits.calls = 1
        script.restart()
        let group = script.submit(group: [1, 1])
        _ = try #require(script.batch())
        script.advance(.seconds(30))
        let results = try #require(try script.answers[group]?.get().results)
        let texts = results.map { if case .failed(let code, let message) = $0 { code + ": " + message } else { "" } }
        #expect(
            texts == [
                "putTimeout: no answer within 30.0 seconds; the record may have been written",
                "putTimeout: no answer within 30.0 seconds; the record was not written",
            ])
    }

    @Test func `records of a group that must keep their key's order do, also alone`() throws {
        let script = BatcherScript()
        let group = script.submit(group: [1, 1], isOrdered: true)
        let first = try #require(script.batch())
        #expect(first.entries.map(\.index) == [0])
        script.write(first)
        let second = try #require(script.batch())
        script.end(second, .refused(.invalid, .unnamed))
        #expect(script.answered == [group])
        #expect(script.batcher.turns.isEmpty)
    }

    @Test func `a record with sequenceNumberForOrdering goes alone out of the middle of a group`() throws {
        let script = BatcherScript()
        script.limits.calls = 3
        script.restart()
        let lone = EncodedPut.ofSizes([1], ordered: true).records[0]
        let plain = EncodedPut.ofSizes([1]).records[0]
        _ = script.submit(EncodedPut([plain, lone, plain], isGroup: true))
        let batches = [script.batch(), script.batch(), script.batch()].compactMap(\.self)
        #expect(batches.map { $0.entries.map(\.index) } == [[0], [1], [2]])
        #expect(batches.map(\.isOrdered) == [false, true, false])
    }

    @Test(arguments: 1...20)
    func `every record of every group has its own result whatever the service does`(seed: UInt64) {
        let script = BatcherScript()
        var random = SeededGenerator(seed: seed)
        var sizes: [PutBatcher.Ticket: Int] = [:]
        var onTheirWay: [PutBatcher.Batch] = []
        for step in 0..<2000 where step < 300 || script.batcher.unanswered > 0 || !onTheirWay.isEmpty {
            if step < 300, random.below(2) == 0 {
                let count = random.below(8) + 1
                sizes[script.submit(group: Array(repeating: 1, count: count), isOrdered: seed % 2 == 0)] = count
            }
            while let batch = script.batch() { onTheirWay.append(batch) }
            if !onTheirWay.isEmpty {
                let batch = onTheirWay.remove(at: random.below(onTheirWay.count))
                switch random.below(6) {
                case 0: script.end(batch, .refused(.invalid, .unnamed))
                case 1: script.end(batch, .failedForNow(.cut, mayHaveBeenWritten: true))
                case 2: script.end(batch, .results(batch.entries.map { _ in .throttled }, encryptionType: nil))
                default: script.write(batch)
                }
            }
            script.advance(.milliseconds(random.below(300)))
        }
        #expect(script.answered.count == sizes.count)
        for (ticket, count) in sizes {
            let results = try? script.answers[ticket]?.get().results
            #expect(results?.count == count)
            for (index, result) in (results ?? []).enumerated() {
                if case .accepted(_, let number, _) = result { #expect(number.text == "\(index)") }
            }
        }
        #expect(script.batcher.turns.isEmpty)
    }
}

extension BatcherScript {
    @discardableResult
    fileprivate func submit(group sizes: [Int], isOrdered: Bool = false) -> PutBatcher.Ticket {
        submit(EncodedPut(EncodedPut.ofSizes(sizes).records, isOrdered: isOrdered, isGroup: true))
    }
}
