import AWS
import Bytes
import Reactor

/// Getting items: in turns, of a bucket that fails as its circuit says.
extension ItemStore {
    /// The object's bytes. What passes is waited for as long as the bucket's circuit says.
    /// - Parameter accepts: whether so many bytes are taken; false ends the call with `.cancelled`.
    package func get(
        _ key: String, in bucket: BucketName, accepts: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(ItemFailure) -> ByteBuffer {
        var item = newItem()
        do throws(ItemFailure) {
            while true {
                try await turn(item, key, bucket)
                switch await attempt(key, bucket, item.id, accepts) {
                case .got(let bytes):
                    counters.got(bytes.count)
                    return bytes
                case .ended(let failure): throw failure
                case .passing(let error):
                    logger.debug("an item is tried again", metadata: ["bucket": "\(bucket)", "error": "\(error)"])
                    item.failed(error, now: loop.now, random: .random(in: 0..<1))
                }
            }
        } catch {
            if error != .cancelled { counters.getFailures += 1 }
            throw error
        }
    }

    /// Asks once for an item that is needed later, unless that takes a turn that somebody may need before, or the bucket
    /// fails: nil then. What passes is `.givenUp`: the item is to be asked for again.
    package func getAhead(
        _ key: String, in bucket: BucketName, accepts: @escaping @Sendable (_ bytes: Int) -> Bool
    ) -> Task<Result<ByteBuffer, ItemFailure>, Never>? {
        guard gets < Self.parallelAhead, failing[bucket] == nil else { return nil }
        gets += 1
        let item = newItem()
        return Task(executorPreference: loop) {
            switch await self.attempt(key, bucket, item.id, accepts) {
            case .got(let bytes):
                self.counters.got(bytes.count)
                return .success(bytes)
            case .ended(let failure):
                if failure != .cancelled { self.counters.getFailures += 1 }
                return .failure(failure)
            case .passing(let error):
                return .failure(.givenUp(BucketCircuit.GivenUp(attempts: 1, lasted: .zero, error: error)))
            }
        }
    }

    /// A record is given out without its item, which was not asked for.
    package func passOver() { counters.getFailures += 1 }

    private func newItem() -> BucketCircuit.Item {
        lastItem &+= 1
        return BucketCircuit.Item(id: lastItem, now: loop.now)
    }

    /// Returns with a turn taken, which `attempt` gives back.
    private func turn(
        _ item: BucketCircuit.Item, _ key: String, _ bucket: BucketName
    ) async throws(ItemFailure) {
        while true {
            if Task.isCancelled { throw .cancelled }
            let answer = gets < Self.parallel ? circuit(of: bucket) { $0.ask(item, now: loop.now) } : .wait(until: nil)
            switch answer {
            case .attempt:
                gets += 1
                return
            case .giveUp(let given, let probes):
                failing[bucket]?.givenUpKey = key
                if probes { probe(key, bucket, item.id) }
                throw .givenUp(given)
            case .wait(let deadline):
                // Whoever is cancelled hears of it at the loop's beginning.
                if let deadline { try? await changed.wait(until: deadline) } else { try? await changed.wait() }
            }
        }
    }

    /// What is taken of an answer that only says whether the bucket answers: all of an error, which has a few hundred bytes.
    private static let mostProbed = 64 << 10

    /// Looks whether the bucket answers; nobody waits for the item.
    private func probe(_ key: String, _ bucket: BucketName, _ item: UInt64) {
        gets += 1
        loop.spawn { _ = await self.attempt(key, bucket, item) { $0 <= Self.mostProbed } }
    }

    /// A bucket that fails is looked at without anybody asking, so that the first record behind the outage has its item. With
    /// the item that was given up last: one of them alone may be at fault itself.
    private func scheduleProbe(of bucket: BucketName) {
        guard let due = failing[bucket]?.circuit.nextProbe else { return }
        _ = loop.schedule(at: due) { [weak self] in
            guard let self, let key = failing[bucket]?.givenUpKey else { return }
            let item = newItem().id
            if circuit(of: bucket, { $0.probe(item, now: self.loop.now) }) { probe(key, bucket, item) }
        }
    }

    /// What one attempt has come to.
    private enum Attempt {
        case got(ByteBuffer)
        /// Another one may succeed.
        case passing(AWSError)
        case ended(ItemFailure)
    }

    /// One attempt, which takes the turn that is there for it.
    private func attempt(
        _ key: String, _ bucket: BucketName, _ item: UInt64,
        _ accepts: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async -> Attempt {
        let began = loop.now
        defer {
            gets -= 1
            changed.open()
        }
        do throws(AWSError) {
            let bytes = try await client.call(GetObject(key: key, acceptsResponse: accepts), of: bucket)
            responded(bucket)
            refusal = nil
            return .got(bytes)
        } catch {
            note(error, GetObject.name, bucket)
            return failed(error, item, bucket, began: began)
        }
    }

    private func failed(
        _ error: AWSError, _ item: UInt64, _ bucket: BucketName, began: EventLoop.Instant
    ) -> Attempt {
        let now = loop.now
        if error == .cancelled {
            // Else it was ended for the size of the response, which has come.
            if Task.isCancelled {
                circuit(of: bucket) { $0.abandoned(item, now: now) }
            } else {
                responded(bucket)
            }
            return .ended(.cancelled)
        }
        guard mayPass(error, bucket) else {
            if case .service = error {
                responded(bucket)
            } else {
                circuit(of: bucket) { $0.abandoned(item, now: now) }
            }
            return .ended(.refused(error))
        }
        let before = failing[bucket]?.circuit.problem(now: now)
        circuit(of: bucket) { $0.failed(item, error, began: began, now: now, random: .random(in: 0..<1)) }
        scheduleProbe(of: bucket)
        if before == nil, let problem = failing[bucket]?.circuit.problem(now: now) {
            logger.error(
                "a bucket fails: until it answers, records that point to its items are given out as their pointers",
                metadata: ["bucket": "\(bucket)", "error": "\(problem)"])
        }
        return .passing(error)
    }

    // MARK: Circuits

    private func circuit<T>(of bucket: BucketName, _ body: (inout BucketCircuit) -> T) -> T {
        var state = failing[bucket] ?? FailingBucket(circuit: BucketCircuit())
        let result = body(&state.circuit)
        if state.circuit.isClosed {
            failing[bucket] = nil
        } else {
            if failing[bucket] == nil, failing.count >= Self.mostBuckets { failing.removeAll() }
            failing[bucket] = state
        }
        return result
    }

    private func responded(_ bucket: BucketName) {
        guard let was = failing.removeValue(forKey: bucket), was.circuit.problem(now: loop.now) != nil else { return }
        logger.notice("a bucket answers again", metadata: ["bucket": "\(bucket)"])
    }
}
