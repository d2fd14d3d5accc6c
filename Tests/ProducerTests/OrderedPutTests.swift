import AWS
import Kinesis
@testable import Producer
import TestSupport
import Testing

@Suite struct OrderedPutTests {
    @Test func `at most one record of a key is on its way, and other keys go on`() throws {
        let script = BatcherScript()
        let put = script.submit(keys: ["a", "a", "b", "a"])
        let first = try #require(script.batch())
        #expect(first.entries.map(\.index) == [0, 2])
        #expect(script.batch() == nil)
        script.write(first)
        let second = try #require(script.batch())
        #expect(second.entries.map(\.index) == [1])
        script.write(second)
        let third = try #require(script.batch())
        #expect(third.entries.map(\.index) == [3])
        script.write(third)
        #expect(script.answered == [put])
        #expect(script.batcher.turns.isEmpty)
        #expect(script.batcher.retriedRecords == 0)
    }

    @Test func `a record keeps its turn while it waits for another attempt`() throws {
        let script = BatcherScript()
        script.submit(keys: ["a"])
        script.submit(keys: ["a", "b"])
        let first = try #require(script.batch())
        #expect(first.entries.map(\.partitionKey) == ["a", "b"])
        script.end(first, .results([.throttled, .written("1")], encryptionType: nil))
        #expect(script.batch() == nil)
        script.advance(.milliseconds(200))
        let again = try #require(script.batch())
        #expect(again.entries.count == 1)
        #expect(script.batcher.retriedRecords == 1)
        script.write(again)
        #expect(script.batch()?.entries.map(\.partitionKey) == ["a"])
    }

    @Test func `a record that failed for good gives its turn on`() throws {
        let script = BatcherScript()
        script.submit(keys: ["a", "a"])
        let first = try #require(script.batch())
        script.end(first, .results([.failed(code: "Other", message: "")], encryptionType: nil))
        #expect(script.batch()?.entries.map(\.index) == [1])
    }

    @Test func `a record on its way keeps its turn beyond its put's deadline`() throws {
        let script = BatcherScript()
        let late = script.submit(keys: ["a"])
        let call = try #require(script.batch())
        script.advance(.seconds(29))
        script.submit(keys: ["a"])
        script.advance(.seconds(1))
        #expect(script.timedOut(late) == true)
        #expect(script.batch() == nil)
        script.write(call)
        #expect(script.batch()?.entries.count == 1)
    }

    @Test func `a record that waits for another attempt gives its turn on at its put's deadline`() throws {
        let script = BatcherScript()
        script.submit(keys: ["a"])
        let call = try #require(script.batch())
        script.advance(.milliseconds(29_990))
        let next = script.submit(keys: ["a"])
        #expect(script.batch() == nil)
        script.end(call, .results([.throttled], encryptionType: nil))
        script.advance(.milliseconds(10))
        #expect(script.batch()?.entries.map(\.ticket) == [next])
    }

    @Test func `puts that are not ordered do not wait for a turn`() throws {
        let script = BatcherScript()
        script.submit([1, 1])
        #expect(script.batch()?.entries.count == 2)
    }

    @Test(arguments: 1...40)
    func `the records of a key go one at a time and in order, whatever the service does`(seed: UInt64) {
        var walk = OrderedWalk(seed: seed)
        for _ in 0..<400 { walk.step() }
        walk.finish()
        #expect(walk.script.answered.count == walk.numbers.count)
        #expect(walk.script.batcher.turns.isEmpty)
        #expect(walk.script.batcher.nextDeadline == nil)
    }
}

private struct OrderedWalk {
    let script = BatcherScript()
    var random: SeededGenerator
    var onTheirWay: [PutBatcher.Batch] = []
    /// When each put was submitted.
    var numbers: [PutBatcher.Ticket: Int] = [:]
    /// The latest record of each key that left.
    private var newest: [String: [Int]] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        script.limits.calls = Int(seed % 3) + 1
        script.restart()
    }

    mutating func step() {
        switch random.below(10) {
        case 0..<4: submit()
        case 4..<8: endOne()
        default: script.advance(.milliseconds(random.below(6000)))
        }
        send()
    }

    mutating func finish() {
        for _ in 0..<100_000 where script.batcher.unanswered > 0 || !onTheirWay.isEmpty {
            if onTheirWay.isEmpty { script.advance(.milliseconds(500)) } else { endOne() }
            send()
        }
        script.advance(.seconds(6))
        send()
    }

    private mutating func submit() {
        let keys = (0...random.below(12)).map { _ in "k\(random.below(5))" }
        numbers[script.submit(keys: keys)] = numbers.count
    }

    private mutating func send() {
        while let batch = script.batch() {
            onTheirWay.append(batch)
            let keys = onTheirWay.flatMap(\.entries).map(\.partitionKey)
            #expect(Set(keys).count == keys.count, "two records of a key are on their way")
            for entry in batch.entries {
                let place = [numbers[entry.ticket] ?? -1, entry.index]
                let last = newest.updateValue(place, forKey: entry.partitionKey) ?? [-1, -1]
                #expect(!place.lexicographicallyPrecedes(last), "an earlier record leaves after a later one")
            }
        }
    }

    private mutating func endOne() {
        guard !onTheirWay.isEmpty else { return }
        let batch = onTheirWay.remove(at: random.below(onTheirWay.count))
        script.end(batch, outcome(of: batch))
    }

    private mutating func outcome(of batch: PutBatcher.Batch) -> PutBatcher.Outcome {
        switch random.below(8) {
        case 0: return .failedForNow(.cut, mayHaveBeenWritten: true)
        case 1: return .refused(.invalid, .unnamed)
        default: break
        }
        let results = batch.entries.map { entry -> PutResult in
            switch random.below(4) {
            case 0: .throttled
            case 1: .failed(code: "Other", message: "")
            default: .written("\(entry.index)")
            }
        }
        return .results(results, encryptionType: "NONE")
    }
}
