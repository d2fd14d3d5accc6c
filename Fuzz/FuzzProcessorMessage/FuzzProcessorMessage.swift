import FuzzDriver
import Kinesis
import MultiLang

// Whatever a child writes, a conversation goes on or fails: it asks for one thing at a time, answers each checkpoint that it does
// not leave, and is silent once it is over. A line's first byte says what happens beside it.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzProcessorMessage_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let lines = Array(UnsafeBufferPointer(start: start, count: count)).split(separator: UInt8(ascii: "\n"))
    var shard = Shard()
    for line in lines {
        shard.happens(line[line.startIndex])
        shard.hears(MessageFromProcessor(line: line.dropFirst()))
    }
    return 0
}

/// A conversation, and what it may do.
struct Shard {
    private var conversation = Conversation(behind: nil)
    private var given: UInt128 = 0
    private var isStoring = false
    private var checkpoints = 0

    mutating func hears(_ message: MessageFromProcessor) {
        if case .checkpoint = message, conversation.stage != .over, conversation.stage != .closing { checkpoints += 1 }
        carryOut(conversation.received(message))
    }

    mutating func happens(_ event: UInt8) {
        switch event {
        case UInt8(ascii: "r"):
            let last = Checkpoint(sequenceNumber: SequenceNumber(given + 1), subSequenceNumber: Int(given % 3))
            if conversation.gave(through: last) { given += 1 }
        case UInt8(ascii: "0"): carryOut(conversation.gaveNothing(millisBehindLatest: 0))
        case UInt8(ascii: "e"): carryOut(conversation.turns(to: .shardEnd))
        case UInt8(ascii: "l"): carryOut(conversation.turns(to: .leave))
        case UInt8(ascii: "x"): carryOut(conversation.turns(to: .lost))
        case UInt8(ascii: "a"): carryOut(conversation.asksAgain())
        case UInt8(ascii: "t"): carryOut(conversation.timedOut())
        case UInt8(ascii: "o"): carryOut(conversation.ended(.closedOutput))
        case UInt8(ascii: "f"): store(.throttling)
        default: store(nil)
        }
    }

    private mutating func store(_ fault: CheckpointFault?) {
        isStoring = false
        carryOut(conversation.checkpointed(fault))
    }

    private mutating func carryOut(_ actions: [Conversation.Action]) {
        for action in actions {
            switch action {
            case .send(let message):
                let line = message.line.array
                precondition(line.firstIndex(of: UInt8(ascii: "\n")) == line.count - 1)
                if case .checkpoint = message {
                    precondition(checkpoints > 0, "an answer without a question")
                    checkpoints -= 1
                }
            case .store(let progress):
                if case .record(let checkpoint) = progress {
                    precondition(checkpoint.sequenceNumber <= SequenceNumber(given), "more than was given")
                }
                precondition(!isStoring, "two at a time")
                isStoring = true
            case .ask: precondition(conversation.stage == .idle)
            case .remind, .closeInput, .fail: break
            }
        }
        if conversation.stage == .over { precondition(conversation.received(.status(of: "initialize")).isEmpty) }
    }
}
