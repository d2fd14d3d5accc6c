import AWS
import Kinesis
@testable import Producer
import TestSupport
import Testing

/// A random walk over a batcher: whatever the service does, every put is answered exactly once and in order of its
/// records, no limit is passed, and nothing is left behind.
@Suite struct PutBatcherWalkTests {
    @Test(arguments: 1...40)
    func `every put is answered exactly once whatever the service does`(seed: UInt64) {
        var walk = Walk(seed: seed)
        for _ in 0..<400 { walk.step() }
        walk.finish()
        #expect(walk.script.answered.count == walk.submitted.count)
        #expect(Set(walk.script.answered) == Set(walk.submitted.keys))
        #expect(walk.script.batcher.unanswered == 0)
        #expect(walk.script.batcher.nextDeadline == nil)
    }
}

private struct Walk {
    let script = BatcherScript()
    var random: SeededGenerator
    var onTheirWay: [PutBatcher.Batch] = []
    /// Records of every put.
    var submitted: [PutBatcher.Ticket: Int] = [:]
    /// Records that were written, so that none is written again after a result said so.
    var written: Set<[Int]> = []
    private let service: Int

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        service = Int(seed % 4)
        if seed.isMultiple(of: 5) { script.limits.linger = .milliseconds(5) }
        script.limits.calls = Int(seed % 3) + 1
        script.restart()
    }

    mutating func step() {
        switch random.below(10) {
        case 0..<5: submit()
        case 5..<8: endOne()
        default: script.advance(.milliseconds(random.below(4000)))
        }
        send()
    }

    /// Lets the service answer what is on its way, and time pass, until everything has its answer.
    mutating func finish() {
        for _ in 0..<100_000 where script.batcher.unanswered > 0 || !onTheirWay.isEmpty {
            if onTheirWay.isEmpty { script.advance(.milliseconds(500)) } else { endOne() }
            send()
        }
        script.advance(.seconds(6))  // the longest back-off of a put that was answered meanwhile
        send()
    }

    private mutating func submit() {
        let count = random.below(20) == 0 ? random.below(1500) + 1 : random.below(3) + 1
        let sizes = (0..<count).map { _ in random.below(50) == 0 ? random.below(1 << 20) : random.below(2000) + 1 }
        let ticket = script.submit(sizes, ordered: count == 1 && random.below(6) == 0)
        #expect(submitted.updateValue(count, forKey: ticket) == nil, "a ticket names one put for ever")
    }

    private mutating func send() {
        while let batch = script.batch() {
            onTheirWay.append(batch)
            #expect(onTheirWay.count <= script.limits.calls)
            #expect(batch.entries.count <= script.limits.records)
            let bytes = batch.entries.reduce(0) { $0 + $1.put.records[$1.index].size }
            #expect(bytes <= script.limits.bytes || batch.entries.count == 1)
            #expect(
                batch.entries.count == 1
                    || !batch.entries.contains { $0.put.records[$0.index].sequenceNumberForOrdering != nil })
            for entry in batch.entries {
                #expect(!written.contains(key(entry)), "a written record goes again")
            }
        }
    }

    private mutating func endOne() {
        guard !onTheirWay.isEmpty else { return }
        let batch = onTheirWay.remove(at: random.below(onTheirWay.count))
        let before = script.answered.count
        script.end(batch, outcome(for: batch))
        for ticket in script.answered[before...] { check(ticket) }
    }

    private mutating func outcome(for batch: PutBatcher.Batch) -> PutBatcher.Outcome {
        switch (service, random.below(8)) {
        case (1, 0): return .failedForNow(.cut, mayHaveBeenWritten: true)
        case (1, 1): return .failedForNow(.unreachable, mayHaveBeenWritten: false)
        case (2, 0): return .refused(.invalid, .unnamed)
        case (2, 1): return .refused(.streamMissing, .call)
        default: break
        }
        let results = batch.entries.map { entry -> PutResult in
            if service == 3, random.below(3) > 0 { return .throttled }
            if random.below(50) == 0 { return .failed(code: "Other", message: "") }
            written.insert(key(entry))
            return .written("\(entry.index)")
        }
        return .results(results, encryptionType: "NONE")
    }

    private func check(_ ticket: PutBatcher.Ticket) {
        guard case .success(let answer) = script.answers[ticket] else { return }
        #expect(answer.results.count == submitted[ticket])
        for (index, result) in answer.results.enumerated() {
            if case .accepted(_, let number, _) = result { #expect(number.text == "\(index)") }
        }
    }

    private func key(_ entry: PutBatcher.Entry) -> [Int] {
        [entry.ticket.slot, entry.ticket.generation, entry.index]
    }
}
