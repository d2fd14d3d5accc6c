import AWS
import Kinesis
import Producer
import Testing

@Suite struct PutBatcherTests {
    @Test func `a lone put leaves at once`() throws {
        let script = BatcherScript()
        let put = script.submit([100])
        let batch = try #require(script.batch())
        #expect(batch.entries.map(\.index) == [0])
        script.write(batch)
        #expect(script.answered == [put])
    }

    @Test func `at most two calls are on their way, and what arrives meanwhile leaves together`() throws {
        let script = BatcherScript()
        script.submit([1])
        let first = try #require(script.batch())
        script.submit([1])
        let second = try #require(script.batch())
        for _ in 0..<7 { script.submit([1]) }
        #expect(script.batch() == nil)
        script.write(first)
        #expect(script.batch()?.entries.count == 7)
        script.write(second)
        #expect(script.batch() == nil)
    }

    @Test func `a call holds at most 500 records`() throws {
        let script = BatcherScript()
        script.submit(Array(repeating: 10, count: 1201))
        let batches = [script.batch(), script.batch()].compactMap(\.self)
        #expect(batches.map(\.entries.count) == [500, 500])
        #expect(script.batch() == nil)
        script.write(batches[0])
        #expect(script.batch()?.entries.count == 201)
    }

    @Test func `a call holds at most its limit of bytes`() throws {
        let script = BatcherScript()
        script.submit(Array(repeating: 1 << 20, count: 6))
        #expect(script.batch()?.entries.count == 5)
        #expect(script.batch()?.entries.count == 1)
    }

    @Test func `a record over the limit of bytes goes alone`() throws {
        let script = BatcherScript()
        script.submit([10, 6 << 20, 10])
        #expect(script.batch()?.entries.map(\.index) == [0])
        #expect(script.batch()?.entries.map(\.index) == [1])
    }

    @Test func `a record with sequenceNumberForOrdering goes alone`() throws {
        let script = BatcherScript()
        script.limits.calls = 3
        script.restart()
        script.submit([10])
        script.submit([10], ordered: true)
        script.submit([10])
        let batches = [script.batch(), script.batch(), script.batch()].compactMap(\.self)
        #expect(batches.map(\.isOrdered) == [false, true, false])
        #expect(batches.map(\.entries.count) == [1, 1, 1])
    }

    @Test func `only failed entries go again, after a wait, and results keep the request's order`() throws {
        let script = BatcherScript()
        let put = script.submit([1, 1, 1])
        let batch = try #require(script.batch())
        script.end(batch, .results([.written("1"), .throttled, .written("3")], encryptionType: "NONE"))
        #expect(script.batch() == nil)
        #expect(script.batcher.nextDeadline == script.start + .milliseconds(50))
        script.advance(.milliseconds(50))
        let again = try #require(script.batch())
        #expect(again.entries.map(\.index) == [1])
        script.end(again, .results([.written("2")], encryptionType: "NONE"))
        let answer = try script.answers[put].map { try $0.get() }
        #expect(answer?.results == [.written("1"), .written("2"), .written("3")])
        #expect(answer?.encryptionType == "NONE")
    }

    @Test func `the waits grow from attempt to attempt up to their bound`() throws {
        let script = BatcherScript()
        script.limits.timeout = .seconds(3600)
        script.restart()
        script.submit([1])
        var waits: [Duration] = []
        for _ in 0..<9 {
            let batch = try #require(script.batch())
            script.end(batch, .results([.throttled], encryptionType: nil))
            let due = try #require(script.batcher.nextDeadline)
            waits.append(due - script.now)
            script.advance(due - script.now)
        }
        #expect(waits[0...2] == [.milliseconds(50), .milliseconds(100), .milliseconds(200)])
        #expect(waits.last == .milliseconds(2500))
    }

    @Test func `an entry that is refused for good is answered beside its neighbours`() throws {
        let script = BatcherScript()
        let put = script.submit([1, 1])
        let batch = try #require(script.batch())
        script.end(batch, .results([.written("1"), .failed(code: "Other", message: "m")], encryptionType: "KMS"))
        let answer = try script.answers[put]?.get()
        #expect(answer?.results == [.written("1"), .failed(code: "Other", message: "m")])
    }

    @Test func `a call that failed for now goes again whole`() throws {
        let script = BatcherScript()
        let put = script.submit([1, 1])
        let batch = try #require(script.batch())
        script.end(batch, .failedForNow(.cut, mayHaveBeenWritten: true))
        script.advance(.milliseconds(50))
        let again = try #require(script.batch())
        #expect(again.entries.map(\.index) == [0, 1])
        script.write(again)
        #expect(script.answered == [put])
    }

    @Test func `a refused call is split, so that one bad put spoils no other`() throws {
        let script = BatcherScript()
        script.submit([1])
        script.submit([1])
        let busy = [script.batch(), script.batch()].compactMap(\.self)
        let good = script.submit([1])
        let bad = script.submit([1, 1])
        script.write(busy[0])
        let mixed = try #require(script.batch())
        #expect(mixed.entries.count == 3)
        script.end(mixed, .refused(.invalid, .unnamed))
        let first = try #require(script.batch())
        #expect(first.entries.map(\.ticket) == [good])
        script.write(first)
        let second = try #require(script.batch())
        #expect(second.entries.map(\.ticket) == [bad, bad])
        script.end(second, .refused(.invalid, .unnamed))
        #expect(throws: Never.self) { try script.answers[good]?.get() }
        #expect(throws: PutError.self) { try script.answers[bad]?.get() }
    }

    @Test func `a fault of the call answers all of its puts at once`() throws {
        let script = BatcherScript()
        let puts = script.submitTogether(500)
        var calls = 0
        while let batch = script.batch() {
            calls += 1
            script.end(batch, .refused(.invalid, .call))
        }
        #expect(calls == 1)
        #expect(Set(script.answered) == Set(puts))
    }

    @Test func `a fault that names nothing and meets every part is the call's after some parts`() throws {
        let script = BatcherScript()
        let puts = script.submitTogether(500)
        #expect(script.sendAll { _ in true } <= 55, "all of them alone would be 999")
        #expect(Set(script.answered) == Set(puts))
        for put in puts { #expect(throws: PutError.self) { try script.answers[put]?.get() } }
    }

    @Test(arguments: [[0], [499], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253], Array(0..<250), Array(250..<500)])
    func `a fault that names nothing is the content's where anything passes`(bad: [Int]) throws {
        let script = BatcherScript()
        let puts = script.submitTogether(500)
        let guilty = Set(bad.map { puts[$0] })
        _ = script.sendAll { guilty.contains($0) }
        for put in puts {
            let isWritten = (try? script.answers[put]?.get()) != nil
            #expect(isWritten != guilty.contains(put))
        }
    }

    @Test func `one split says nothing of the next`() throws {
        let script = BatcherScript()
        script.submitTogether(500)
        _ = script.sendAll { _ in true }
        let puts = script.submitTogether(2)
        _ = script.sendAll { $0 == puts[0] }
        #expect(throws: PutError.self) { try script.answers[puts[0]]?.get() }
        #expect(throws: Never.self) { try script.answers[puts[1]]?.get() }
    }

    @Test func `puts whose records stand mixed in a refused call are told apart all the same`() throws {
        let script = BatcherScript()
        script.limits.records = 1
        script.limits.calls = 3
        script.restart()
        let bad = script.submit([1, 1])
        let good = script.submit([1])
        let single = [script.batch(), script.batch(), script.batch()].compactMap(\.self)
        for index in [0, 2, 1] {
            script.end(single[index], .results([.throttled], encryptionType: nil))
            script.advance(.milliseconds(1))
        }
        script.widen(toRecords: 500)
        script.advance(.seconds(1))
        let mixed = try #require(script.batch())
        #expect(mixed.entries.map(\.ticket) == [bad, good, bad])
        script.end(mixed, .refused(.invalid, .unnamed))
        var calls = 0
        while calls < 10, let batch = script.batch() {
            calls += 1
            if batch.entries.contains(where: { $0.ticket == bad }) {
                script.end(batch, .refused(.invalid, .unnamed))
            } else {
                script.write(batch)
            }
        }
        #expect(calls == 2)
        #expect(throws: Never.self) { try script.answers[good]?.get() }
        #expect(throws: PutError.self) { try script.answers[bad]?.get() }
    }

    @Test func `what waits because the service could not be reached goes at once when it can`() throws {
        let script = BatcherScript()
        script.limits.calls = 3
        script.restart()
        for error in [PutError.unreachable, .cut] {
            script.submit([1])
            script.end(try #require(script.batch()), .failedForNow(error, mayHaveBeenWritten: false))
        }
        #expect(script.batch() == nil)
        script.serviceReturns()
        #expect(script.batch()?.entries.map(\.ticket.slot) == [0])
        #expect(script.batch() == nil)
        script.advance(.seconds(1))
        #expect(script.batch()?.entries.map(\.ticket.slot) == [1])
    }

    @Test func `a refusal that no record caused is everybody's answer`() throws {
        let script = BatcherScript()
        script.limits.calls = 1
        script.restart()
        let busy = script.submit([1])
        let first = try #require(script.batch())
        let puts = [script.submit([1]), script.submit([1])]
        script.write(first)
        let batch = try #require(script.batch())
        script.end(batch, .refused(.streamMissing, .call))
        #expect(script.answered == [busy] + puts)
        #expect(throws: PutError.self) { try script.answers[puts[0]]?.get() }
    }

    @Test func `putLinger gathers arrivals until its end or until a call is full`() throws {
        let script = BatcherScript()
        script.limits.linger = .milliseconds(20)
        script.restart()
        script.submit([1])
        #expect(script.batch() == nil)
        #expect(script.batcher.nextDeadline == script.start + .milliseconds(20))
        script.advance(.milliseconds(20))
        #expect(script.batch()?.entries.count == 1)
        script.submit(Array(repeating: 1, count: 500))
        #expect(script.batch()?.entries.count == 500)
    }
}

@Suite struct PutDeadlineTests {
    @Test func `a put that waited for its deadline says that nothing was written`() throws {
        let script = BatcherScript()
        script.limits.calls = 1
        script.restart()
        script.submit([1])
        let busy = try #require(script.batch())
        let put = script.submit([1])
        script.advance(.seconds(30))
        #expect(script.timedOut(put) == false)
        script.write(busy)
        #expect(script.batch() == nil)
        #expect(script.batcher.nextDeadline == nil)
    }

    @Test func `a put on its way at its deadline says that it may have been written`() throws {
        let script = BatcherScript()
        let put = script.submit([1])
        let batch = try #require(script.batch())
        script.advance(.seconds(30))
        #expect(script.timedOut(put) == true)
        script.write(batch)
        #expect(script.answered == [put])
    }

    @Test func `the service is silent where a put's one call has no response, and not where one failed`() throws {
        let script = BatcherScript()
        script.limits.calls = 1
        script.restart()
        let failed = script.submit([1])
        script.end(try #require(script.batch()), .failedForNow(.cut, mayHaveBeenWritten: true))
        script.advance(.seconds(29))
        #expect(script.batch() != nil)
        let waits = script.submit([1])
        script.advance(.seconds(1))
        #expect(script.answered == [failed] && script.silences == 0)
        script.advance(.seconds(29))
        #expect(script.answered == [failed, waits] && script.silences == 0)

        let other = BatcherScript()
        other.submit([1])
        #expect(other.batch() != nil)
        other.advance(.seconds(30))
        #expect(other.silences == 1)
    }

    @Test func `a put whose calls all failed says what the last one met`() throws {
        let script = BatcherScript()
        let fault = AWSError.service(ServiceError(code: "InternalFailure", message: "the disk is full", status: 500))
        let put = script.submit([1])
        let group = script.submit(EncodedPut(EncodedPut.ofSizes([1]).records, isGroup: true))
        script.end(try #require(script.batch()), .failedForNow(.service(fault), mayHaveBeenWritten: true))
        script.advance(.seconds(30))
        guard case .failure(.timedOut(_, _, lastFailure: fault)) = script.answers[put] else {
            Issue.record("\(String(describing: script.answers[put]))")
            return
        }
        let message =
            "no success within 30.0 seconds; the record may have been written; the last attempt: InternalFailure, "
            + "status 500: the disk is full"
        #expect(try script.answers[group]?.get().results == [.failed(code: "putTimeout", message: message)])
    }

    @Test func `a call that may have arrived stays uncertain however its later attempts fail`() throws {
        let script = BatcherScript()
        let put = script.submit([1])
        script.end(try #require(script.batch()), .failedForNow(.cut, mayHaveBeenWritten: true))
        script.advance(.seconds(29))
        script.end(try #require(script.batch()), .failedForNow(.unreachable, mayHaveBeenWritten: false))
        script.advance(.seconds(1))
        #expect(script.timedOut(put) == true)
    }

    @Test func `a call that was throttled to the end says so`() throws {
        let script = BatcherScript()
        let throttle = PutError.service(
            .service(ServiceError(code: "ProvisionedThroughputExceededException", message: "slow", status: 400)))
        let put = script.submit([1, 1])
        let group = script.submit(EncodedPut(EncodedPut.ofSizes([1]).records, isGroup: true))
        for _ in 0..<2 {
            while let batch = script.batch() { script.end(batch, .failedForNow(throttle, mayHaveBeenWritten: false)) }
            script.advance(.seconds(15))
        }
        guard case .failure(.service(let error)) = script.answers[put] else {
            Issue.record("\(String(describing: script.answers[put]))")
            return
        }
        #expect(error.disposition == .throttled)
        let code = "ProvisionedThroughputExceededException"
        #expect(try script.answers[group]?.get().results == [.failed(code: code, message: "slow")])
    }

    @Test func `an endpoint that was never reached has written nothing`() throws {
        let script = BatcherScript()
        let put = script.submit([1])
        script.end(try #require(script.batch()), .failedForNow(.unreachable, mayHaveBeenWritten: false))
        script.advance(.seconds(30))
        #expect(script.timedOut(put) == false)
    }

    @Test func `at the deadline of many records each one's fate is told`() throws {
        let script = BatcherScript()
        let put = script.submit([1, 1])
        script.end(try #require(script.batch()), .results([.written("1"), .throttled], encryptionType: "NONE"))
        script.advance(.seconds(30))
        #expect(try script.answers[put]?.get().results == [.written("1"), .throttled])
    }
}
