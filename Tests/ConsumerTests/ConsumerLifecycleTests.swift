import AWS
import Kinesis
import Testing

@testable import Consumer

private final class Token {}
private typealias Lifecycle = ConsumerLifecycle<Token, Token>

extension ConsumerLifecycle {
    fileprivate var name: String { String("\(state)".prefix { $0 != "(" }) }
    fileprivate var needed: String { String("\(need)".prefix { $0 != "(" }) }
}

@Suite struct ConsumerLifecycleTests {
    private static let stream = StreamName("orders")!
    private static let throttled = AWSError.service(
        ServiceError(code: "ThrottlingException", message: "slow", status: 400))

    private let session = Token()
    private let attempt = Token()

    @Test func `it is prepared, read, held and let go`() {
        var life = Lifecycle()
        #expect(life.needed == "attempt" && !life.holdsShards && life.isForgettable)
        life.attemptBegins(attempt)
        #expect(life.needed == "join" && life.isInUse && !life.isForgettable)
        #expect(life.attemptSucceeds(attempt) == true)
        #expect(life.holdsShards && life.isForgettable)
        life.sessionBegins(session)
        #expect(life.session === session && life.needed == "nothing")
        life.sessionEnds()
        #expect(life.name == "holding")
        #expect(life.graceIsOver() == true)
        #expect(!life.holdsShards)
        #expect(life.graceIsOver() == false)
    }

    @Test func `who asks while an attempt is under way waits for that one`() {
        var life = Lifecycle()
        life.attemptBegins(attempt)
        guard case .join(let joined) = life.need else {
            Issue.record("not joined")
            return
        }
        #expect(joined === attempt)
        #expect(life.attemptFails(attempt, because: .streamMissing(Self.stream)) == false)
        #expect(life.problem == .streamMissing(Self.stream) && life.needed == "attempt" && life.isForgettable)
    }

    @Test func `an attempt that fails leaves held shards held`() {
        var life = Lifecycle()
        life.attemptBegins(attempt)
        _ = life.attemptSucceeds(attempt)
        let second = Token()
        life.attemptBegins(second)
        #expect(life.holdsShards)
        #expect(life.attemptFails(second, because: .service(Self.throttled)) == true)
        #expect(life.name == "holding" && life.problem == .service(Self.throttled))
        #expect(life.attemptSucceeds(second) == false, "an attempt ends once")
    }

    @Test func `when the service is back it is no problem that it was not, and every other problem stays one`() {
        let unreachable = AWSError.transport(.notConnected(reason: "refused"))
        for (error, remains) in [(unreachable, false), (Self.throttled, true)] {
            var life = Lifecycle()
            life.attemptBegins(attempt)
            _ = life.attemptFails(attempt, because: .service(error))
            life.serviceReturned()
            #expect((life.problem != nil) == remains)
            #expect(life.name == "idle")
        }
    }

    @Test func `a stop sticks until somebody starts it`() {
        var life = Lifecycle()
        life.started()
        life.sessionBegins(session)
        life.stops()
        #expect(life.session === session && life.needed == "refused" && life.holdsShards)
        life.sessionEnds()
        #expect(life.name == "stopped" && life.needed == "refused" && !life.isForgettable && life.holdsShards)
        #expect(life.graceIsOver() == true)
        #expect(!life.holdsShards)
        #expect(life.starts() == true)
        #expect(life.needed == "attempt" && life.isForgettable)
    }

    @Test func `one that is started while its readers end waits for them`() {
        var life = Lifecycle()
        life.sessionBegins(session)
        life.stops()
        #expect(life.starts() == true)
        #expect(life.needed == "waitForEnd")
        life.sessionEnds()
        #expect(life.needed == "attempt")
    }

    @Test func `a stop while it is prepared holds against what comes of the attempt`() {
        var life = Lifecycle()
        life.attemptBegins(attempt)
        life.stops()
        #expect(life.attemptSucceeds(attempt) == false)
        #expect(life.name == "stopped")
    }

    @Test func `a reader that arrives keeps its options and its place`() {
        var life = Lifecycle()
        life.readerArrives()
        #expect(life.isInUse && !life.isForgettable)
        life.readerArrived()
        #expect(!life.isInUse && life.isForgettable)
        life.started()
        #expect(!life.isForgettable)
    }

    @Test func `nothing comes after the process's end`() {
        var life = Lifecycle()
        life.sessionBegins(session)
        life.processEnds()
        #expect(life.session === session)
        life.stops()
        #expect(life.starts() == false)
        #expect(life.needed == "refused")
        life.sessionEnds()
        #expect(life.session == nil && life.name == "ended" && life.needed == "refused")
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `whatever happens: with a session it holds its shards, without one it refuses or asks for an attempt`(
        seed: UInt64
    ) {
        var random = SplitMix64(seed: seed)
        var life = Lifecycle()
        var open: Token?
        for _ in 0..<300 {
            switch Int.random(in: 0..<9, using: &random) {
            case 0: life.attemptBegins(Token())
            case 1: if case .preparing(let attempt, _) = life.state { _ = life.attemptSucceeds(attempt) }
            case 2:
                if case .preparing(let attempt, _) = life.state { _ = life.attemptFails(attempt, because: .cancelled) }
            case 3 where open == nil && !life.isRefused:
                let session = Token()
                life.sessionBegins(session)
                open = life.session
            case 4 where open != nil:
                life.sessionEnds()
                open = nil
            case 5: _ = life.graceIsOver()
            case 6: life.stops()
            case 7: _ = life.starts()
            default: life.holds()
            }
            #expect(life.session === open)
            if open != nil { #expect(life.holdsShards && life.isInUse && !life.isForgettable) }
        }
    }
}

extension ConsumerLifecycle {
    fileprivate var isRefused: Bool {
        if case .refused = need { true } else { false }
    }
}
