import Bytes
import Consumer
import FuzzDriver
import Gateway
import JSON
import State

// The bodies of `checkpoints` and `continue`, and the ids in them: what is taken names one place, and what is refused can
// be answered.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzCheckpointBody_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    // A copy of exactly this length, so that the sanitizer sees a read beyond it.
    let text = ByteBuffer(UnsafeBufferPointer(start: start, count: count))
    do throws(Problem) {
        switch try CheckpointBody.acknowledgement(text).0 {
        case .event(let id): check(id)
        case .record(let shard, let checkpoint):
            precondition(!shard.text.isEmpty && !checkpoint.sequenceNumber.text.isEmpty)
            precondition(checkpoint.subSequenceNumber ?? 0 >= 0)
        }
    } catch {
        check(error)
    }
    do throws(Problem) {
        if case .event(let id) = try CheckpointBody.continuation(text) { check(id) }
    } catch {
        check(error)
    }
    if let id = EventID(text.text) { precondition(id.description == text.text) }
    return 0
}

func check(_ id: EventID) {
    precondition(id.number > 0 && EventID(id.description) == id)
}

func check(_ problem: Problem) {
    precondition((try? JSONParser.parse(problem.document.body)) != nil)
}
