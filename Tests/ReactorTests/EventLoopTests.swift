import Glibc
import Reactor
import TestSupport
import Testing

private func makePipe() throws -> (read: Int32, write: Int32) {
    var fds: [Int32] = [0, 0]
    guard pipe(&fds) == 0 else { throw SystemError("pipe") }
    return (fds[0], fds[1])
}

@Suite(.timeLimit(.minutes(4))) struct EventLoopTests {
    @Test func `a task and what it calls run on the loop's thread`() async throws {
        try await onLoop { loop in
            #expect(loop.isCurrent)
            #expect(EventLoop.current === loop)
            await loop.nextTurn()
            #expect(loop.isCurrent)
            await nested(loop)
        }
        @Sendable func nested(_ loop: EventLoop) async { #expect(loop.isCurrent) }
    }

    @Test func `a continuation that another thread resumes comes back to the loop`() async throws {
        let other = try EventLoop(name: "other")
        try other.startThread()
        try await onLoop { loop in
            for _ in 0..<100 {
                await withUnsafeContinuation { continuation in other.post { continuation.resume() } }
                #expect(loop.isCurrent)
            }
        }
        other.stop()
        other.join()
    }

    @Test func `sleeping ends at the deadline, in order`() async throws {
        try await onLoop { loop in
            let before = loop.now
            try await loop.sleep(for: .milliseconds(5))
            loop.refreshTime()
            #expect(loop.now - before >= .milliseconds(5))
        }
    }

    @Test func `a manual time stands until it is moved, and what is due runs on the way, in order`() async throws {
        try await onLoop(time: .manual(.whenAdvanced)) { loop in
            let start = loop.now
            let ran = Log()
            _ = loop.schedule(after: .seconds(3600)) { ran.entries.append(loop.now - start) }
            loop.spawn {
                for _ in 0..<3 {
                    try? await loop.sleep(for: .seconds(1000))
                    ran.entries.append(loop.now - start)
                }
            }
            for _ in 0..<20 { await loop.nextTurn() }
            #expect(ran.entries.isEmpty && loop.now == start)
            await loop.advance(by: .seconds(1999))
            #expect(ran.entries == [.seconds(1000)] && loop.now == start + .seconds(1999))
            await loop.advance(by: .seconds(3600))
            #expect(ran.entries == [1000, 2000, 3000, 3600].map { .seconds($0) })
        }
    }

    @Test func `a manual time that moves when idle waits for no timer`() async throws {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let start = loop.now
            try await loop.sleep(for: .seconds(86_400))
            #expect(loop.now == start + .seconds(86_400))
        }
    }

    @Test func `while another thread works for the loop its time does not move by itself`() async throws {
        let other = try EventLoop(name: "other")
        try other.startThread()
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let start = loop.now
            let ran = Log()
            _ = loop.schedule(after: .seconds(1)) { ran.entries.append(loop.now - start) }
            loop.outsideWorkBegan()
            for _ in 0..<100 { await withUnsafeContinuation { go in other.post { go.resume() } } }
            #expect(ran.entries.isEmpty && loop.now == start)
            loop.outsideWorkEnded()
            try await loop.sleep(for: .seconds(2))
            #expect(ran.entries == [.seconds(1)])
        }
        other.stop()
        other.join()
    }

    @Test func `cancelling a task ends its sleep`() async throws {
        try await onLoop { loop in
            let sleeper = Task(executorPreference: loop) {
                do throws(CancellationError) {
                    try await loop.sleep(for: .seconds(3600))
                    return false
                } catch {
                    return true
                }
            }
            await loop.nextTurn()
            sleeper.cancel()
            #expect(await sleeper.value)
        }
    }

    @Test func `a file is reported while it is ready, and not after its watch was cancelled`() async throws {
        try await onLoop { loop in
            let (reader, writer) = try makePipe()
            let gate = Gate(loop: loop)
            nonisolated(unsafe) var events = 0
            let watch = try loop.watch(reader, .read) { readiness in
                #expect(readiness.contains(.read))
                events += 1
                gate.open()
            }
            write(writer, "x", 1)
            try await gate.wait()
            try await gate.wait()
            #expect(events >= 2, "level-triggered: nobody has read the byte")
            watch.cancel()
            let seen = events
            for _ in 0..<5 { await loop.nextTurn() }
            #expect(events == seen)
            close(reader)
            close(writer)
        }
    }

    @Test func `a descriptor given out again within a turn does not get its predecessor's event`() async throws {
        try await onLoop { loop in
            let (firstReader, firstWriter) = try makePipe()
            let (secondReader, secondWriter) = try makePipe()
            nonisolated(unsafe) var watches: [Watch] = []
            nonisolated(unsafe) var stale = 0
            let gate = Gate(loop: loop)
            // Whichever of the two is called first cancels the other, whose event is already fetched, and watches again.
            for (reader, other) in [(firstReader, 1), (secondReader, 0)] {
                watches.append(
                    try loop.watch(reader, .read) { _ in
                        watches[other].cancel()
                        watches[1 - other].cancel()
                        _ = try? loop.watch(other == 1 ? secondReader : firstReader, .write) { _ in stale += 1 }
                        gate.open()
                    })
            }
            write(firstWriter, "x", 1)
            write(secondWriter, "x", 1)
            try await gate.wait()
            #expect(stale == 0)
            for fd in [firstReader, firstWriter, secondReader, secondWriter] { close(fd) }
        }
    }

    @Test func `tasks that wake one another do not starve sockets and timers`() async throws {
        try await onLoop { loop in
            nonisolated(unsafe) var ended = false
            _ = loop.schedule(after: .milliseconds(2)) { ended = true }
            while !ended { await Task.yield() }
        }
    }

    @Test func `what is asked for the end of the turn runs once, before the next turn`() async throws {
        try await onLoop { loop in
            nonisolated(unsafe) var runs = 0
            loop.endOfTurn { runs += 1 }
            #expect(runs == 0)
            await loop.nextTurn()
            #expect(runs == 1)
            await loop.nextTurn()
            #expect(runs == 1)
        }
    }

    @Test func `a coalesced action runs once a turn, and again in that turn where it asks for itself`() async throws {
        try await onLoop { loop in
            let action = CoalescedAction(on: loop)
            let runs = Count()
            for _ in 0..<3 { action.request { runs.value += 1 } }
            #expect(runs.value == 0)
            await loop.nextTurn()
            #expect(runs.value == 1)
            action.request {
                runs.value += 1
                action.request { runs.value += 1 }
            }
            await loop.nextTurn()
            #expect(runs.value == 3)
        }
    }

    @Test func `a gate lets through who waits, and who is cancelled leaves it`() async throws {
        try await onLoop { loop in
            let gate = Gate(loop: loop)
            let passed = Count()
            let waiters = (0..<3).map { _ in
                Task(executorPreference: loop) { if (try? await gate.wait()) != nil { passed.value += 1 } }
            }
            while gate.waiting < 3 { await loop.nextTurn() }
            waiters[0].cancel()
            while gate.waiting > 2 { await loop.nextTurn() }
            gate.open()
            for waiter in waiters { await waiter.value }
            #expect(passed.value == 2)
        }
    }

    @Test func `a failed call names itself and its errno`() {
        #expect(SystemError("bind", EADDRINUSE).description == "bind: Address already in use (98)")
    }
}

/// Times that tasks of one loop share.
private final class Log: @unchecked Sendable {
    var entries: [Duration] = []
}

/// A number that tasks of one loop share.
private final class Count: @unchecked Sendable {
    var value = 0
}
