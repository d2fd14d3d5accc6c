import Kinesis
import TestSupport
import Testing
import Time

@testable import MultiLang

@Suite struct ConversationTests {
    static func place(_ number: Int, _ sub: Int? = nil) -> Checkpoint {
        Checkpoint(sequenceNumber: SequenceNumber("\(100 + number)")!, subSequenceNumber: sub)
    }

    /// One that waits for its first batch.
    private func idle(behind checkpoint: Checkpoint? = nil) -> Conversation {
        var conversation = Conversation(behind: checkpoint)
        expect(conversation.received(.status(of: "initialize")) == [.ask])
        return conversation
    }

    /// Apart from `#expect`, in which nothing may change.
    private func expect(_ isTrue: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(isTrue, sourceLocation: sourceLocation)
    }

    private func request(_ number: Int, _ sub: Int? = nil) -> CheckpointRequest {
        CheckpointRequest(sequenceNumber: "\(100 + number)", subSequenceNumber: sub)
    }

    @Test("a checkpoint without numbers is the last record, with its sub-sequence number")
    func checkpointAtTheEnd() {
        var conversation = idle()
        expect(conversation.gave(through: Self.place(3, 2)))
        expect(conversation.received(.checkpoint(CheckpointRequest())) == [.store(.record(Self.place(3, 2)))])
        expect(conversation.checkpointed(nil) == [.send(.checkpoint(CheckpointRequest(), nil))])
        #expect(conversation.stored == Self.place(3, 2))
    }

    @Test("at its start a processor has nothing to checkpoint; before the first batch one without numbers is no error")
    func checkpointBeforeRecords() {
        var conversation = Conversation(behind: nil)
        let request = CheckpointRequest()
        expect(conversation.received(.checkpoint(request)) == [.send(.checkpoint(request, .invalidState))])
        _ = conversation.received(.status(of: "initialize"))
        expect(conversation.received(.checkpoint(request)) == [.send(.checkpoint(request, nil))])
    }

    @Test("the sub-sequence number 0 of a record that is not aggregated is all of it, where that is known")
    func plainRecords() {
        var conversation = idle()
        expect(conversation.gave(through: Self.place(3)))
        expect(conversation.received(.checkpoint(request(2, 0))) == [.store(.record(Self.place(2, 0)))])
        _ = conversation.checkpointed(nil)
        expect(conversation.received(.checkpoint(request(3, 0))) == [.store(.record(Self.place(3)))])
        _ = conversation.checkpointed(nil)
        // Once more is no change.
        let again = request(3)
        expect(conversation.received(.checkpoint(again)) == [.send(.checkpoint(again, nil))])
    }

    @Test("a second checkpoint at the same place is no change, whenever its record arrived; nor is an end behind it")
    func sameAgain() {
        var conversation = idle()
        let last = Checkpoint(sequenceNumber: Self.place(3).sequenceNumber, arrival: WallTime(milliseconds: 5))
        expect(conversation.gave(through: last))
        _ = conversation.received(.checkpoint(request(3)))
        _ = conversation.checkpointed(nil)
        let end = CheckpointRequest()
        expect(conversation.received(.checkpoint(end)) == [.send(.checkpoint(end, nil))])
        _ = conversation.received(.status(of: "processRecords"))
        _ = conversation.turns(to: .shardEnd)
        expect(conversation.received(.checkpoint(end)) == [.store(.shardEnd(through: nil))])
    }

    @Test("a refused checkpoint moves nothing, and what came meanwhile is answered behind it")
    func refused() {
        var conversation = idle()
        expect(conversation.gave(through: Self.place(1)))
        _ = conversation.received(.checkpoint(request(1)))
        expect(conversation.received(.status(of: "processRecords")) == [])
        expect(conversation.checkpointed(.throttling) == [.send(.checkpoint(request(1), .throttling)), .ask])
        #expect(conversation.stored == nil)
    }

    @Test("an end without a checkpoint is asked for again; SHARD_END ends the shard too")
    func shardEnd() {
        var conversation = idle(behind: Self.place(5))
        expect(conversation.turns(to: .shardEnd) == [.send(.shardEnded)])
        expect(conversation.received(.status(of: "shardEnded")) == [.remind])
        expect(conversation.asksAgain() == [.send(.shardEnded)])
        let end = CheckpointRequest(sequenceNumber: "SHARD_END")
        expect(conversation.received(.checkpoint(end)) == [.store(.shardEnd(through: nil))])
        expect(conversation.checkpointed(nil) == [.send(.checkpoint(end, nil))])
        expect(conversation.received(.status(of: "shardEnded")) == [.closeInput])
        expect(conversation.ended(.ended("ended with code 0")) == [])
    }

    @Test("of a lost shard nothing is stored")
    func lost() {
        var conversation = idle()
        expect(conversation.gave(through: Self.place(1)))
        expect(conversation.turns(to: .lost) == [])
        expect(conversation.received(.checkpoint(request(1))) == [.send(.checkpoint(request(1), .shutdown))])
        expect(conversation.received(.status(of: "processRecords")) == [.send(.leaseLost)])
        expect(conversation.received(.checkpoint(request(1))) == [.send(.checkpoint(request(1), .invalidState))])
        expect(conversation.received(.status(of: "leaseLost")) == [.closeInput])
    }

    @Test(
        "lines that are no messages are passed over",
        arguments: [
            "", "text", "{}", "[1]", "{\"action\":\"dance\"}", "{\"action\":\"status\"}", "{\"action\":1}", "\u{0}",
        ])
    func noise(_ line: String) {
        #expect(MessageFromProcessor(line: line.utf8) == .noise)
    }

    @Test("numbers may come as texts and texts as numbers; what is neither names nothing")
    func looseNumbers() {
        let number = MessageFromProcessor(
            line: #"{"action":"checkpoint","sequenceNumber":7,"subSequenceNumber":"2"}"#.utf8)
        #expect(number == .checkpoint(CheckpointRequest(sequenceNumber: "7", subSequenceNumber: 2)))
        let bad = MessageFromProcessor(
            line: #"{"action":"checkpoint","sequenceNumber":[],"subSequenceNumber":{}}"#.utf8)
        #expect(bad == .checkpoint(CheckpointRequest(sequenceNumber: "", subSequenceNumber: -1)))
    }

    @Test(
        "at random: one action at a time, every checkpoint is answered once, nothing is stored of a lost shard",
        arguments: 0..<60 as Range<UInt64>)
    func walk(seed: UInt64) {
        var walk = ConversationWalk(seed: seed)
        for _ in 0..<400 where !walk.isOver { walk.step() }
        #expect(walk.faults == [])
    }
}

/// A child, sane or not, and a shard of which anything may become.
private struct ConversationWalk {
    private var conversation = Conversation(behind: nil)
    private var random: SeededGenerator
    private(set) var faults: [String] = []
    /// What the child owes.
    private var running: ProcessorAction? = .initialize
    /// Checkpoints that the child waits for.
    private var unanswered = 0
    private var isStoring = false
    private var isAsked = false
    private var isClosed = false
    private var hasFailed = false
    private var isLost = false
    private var hasFinished = false
    private var last = 0
    private var stored: Checkpoint?

    var isOver: Bool { isClosed || hasFailed }

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func step() {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1, 2:
            guard unanswered == 0, let action = running else { return }
            running = nil
            perform(conversation.received(.status(of: action.rawValue)))
        case 3, 4:
            guard unanswered == 0 else { return }
            unanswered += 1
            perform(conversation.received(.checkpoint(checkpoint())))
        case 5:
            guard isStoring else { return }
            isStoring = false
            let fault: CheckpointFault? = Int.random(in: 0..<4, using: &random) == 0 ? .throttling : nil
            perform(conversation.checkpointed(fault))
        case 6:
            guard isAsked else { return }
            last += Int.random(in: 1...3, using: &random)
            if conversation.gave(through: ConversationTests.place(last, Bool.random(using: &random) ? 1 : nil)) {
                isAsked = false
                ask(.processRecords)
            }
        case 7: if Int.random(in: 0..<20, using: &random) == 0 { turn() }
        case 8: perform(conversation.received(.noise))
        default:
            guard Int.random(in: 0..<60, using: &random) == 0 else { return perform(conversation.asksAgain()) }
            if Bool.random(using: &random) {
                perform(conversation.received(.status(of: "nonsense")))
            } else {
                perform(conversation.ended(.closedOutput))
            }
            if !isStoring, conversation.stage != .closing, conversation.stage != .over {
                faults.append("a failure is passed over")
            }
        }
        if let stored, let now = conversation.stored, now < stored { faults.append("the checkpoint went back") }
        stored = conversation.stored
    }

    private mutating func checkpoint() -> CheckpointRequest {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: CheckpointRequest()
        case 1: CheckpointRequest(sequenceNumber: "SHARD_END")
        default:
            CheckpointRequest(
                sequenceNumber: "\(100 + Int.random(in: 0...last + 1, using: &random))",
                subSequenceNumber: Bool.random(using: &random) ? Int.random(in: 0...2, using: &random) : nil)
        }
    }

    private mutating func turn() {
        let course: Conversation.Course = [.shardEnd, .leave, .lost].randomElement(using: &random)!
        if course == .lost { isLost = true }
        perform(conversation.turns(to: course))
    }

    private mutating func ask(_ action: ProcessorAction) {
        if let running { faults.append("\(action) is asked during \(running)") }
        if isClosed { faults.append("\(action) is asked of a closed input") }
        running = action
    }

    private mutating func perform(_ actions: [Conversation.Action]) {
        for action in actions {
            switch action {
            case .send(.checkpoint):
                unanswered -= 1
                if unanswered < 0 { faults.append("a checkpoint is answered twice") }
            case .send(.leaseLost): ask(.leaseLost)
            case .send(.shardEnded): ask(.shardEnded)
            case .send(.shutdownRequested): ask(.shutdownRequested)
            case .send(.initialize), .send(.emptyBatch): faults.append("\(action)")
            case .ask:
                if running != nil { faults.append("a batch is asked for during \(running!)") }
                isAsked = true
            case .store(let progress):
                if isStoring { faults.append("two checkpoints are stored at once") }
                if isLost { faults.append("a checkpoint of a lost shard is stored") }
                if case .shardEnd = progress, running != .shardEnded {
                    faults.append("an end is stored before it is asked for")
                }
                isStoring = true
            case .remind: break
            case .closeInput:
                isClosed = true
                if unanswered > 0 { faults.append("the input is closed before a checkpoint is answered") }
            case .fail: hasFailed = true
            }
        }
    }
}
