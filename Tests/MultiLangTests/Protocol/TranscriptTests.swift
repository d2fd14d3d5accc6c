import Bytes
import JSON
import Kinesis
import TestSupport
import Testing

@testable import MultiLang

/// What a real daemon and its children said to each other (Tests/Recordings/multilang), from the daemon's side: given what the
/// child wrote, we send what the daemon sent, but where the README says that we do better.
@Suite struct TranscriptTests {
    /// One child of a transcript.
    struct Recorded: CustomStringConvertible, Sendable {
        let file: String
        let child: Int
        let lines: [(from: String, text: String)]

        var description: String { "\(file), child \(child)" }
    }

    static func children() throws -> [Recorded] {
        try names.flatMap { name in
            let json = try JSONParser.parse(try testFile("Recordings/multilang/\(name).json"))
            let lines = json["transcript"]?.array ?? []
            let children = Set(lines.compactMap { $0["child"]?.int }).sorted()
            return children.map { child in
                Recorded(
                    file: name, child: child,
                    lines: lines.filter { $0["child"]?.int == child }.map {
                        ($0["from"]?.string ?? "", $0["line"]?.string ?? "")
                    })
            }
        }
    }

    static let names = [
        "01-sample-processor", "02-checkpoint-variants", "03-checkpoint-throttled",
        "04-checkpoint-throttled-lease-lost",
        "05-lease-lost", "06-shard-ended", "07-shard-ended-no-checkpoint", "08-shutdown-requested",
        "09-shutdown-requested-while-busy", "10-graceful-handoff", "11-child-crashes", "12-child-crashes-in-initialize",
        "13-child-hangs", "14-processor-raises", "15-stdout-noise", "16-unknown-action", "17-wrong-status", "18-stderr",
        "19-empty-batches",
    ]

    @Test("what aws-kcl for Node.js says is understood, with a stand-in for the daemon")
    func node() throws {
        let json = try JSONParser.parse(try testFile("Recordings/multilang/20-node-aws-kcl.json"))
        let lines = (json["transcript"]?.array ?? []).filter { $0["from"]?.string == "child" }
            .compactMap { $0["line"]?.string }.filter { !$0.isEmpty }
        let messages = lines.map { MessageFromProcessor(line: $0.utf8) }
        #expect(messages.count > 10)
        #expect(!messages.contains(.noise))
        #expect(messages.contains(.checkpoint(CheckpointRequest())))
    }

    @Test("we say what the daemon said", arguments: try children())
    func replay(_ recorded: Recorded) throws {
        var replay = Replay()
        for (from, text) in recorded.lines {
            switch from {
            case "daemon": try replay.daemonSaid(text)
            case "child": replay.childSaid(text)
            case "note" where text == "daemon closed the child's stdin": replay.daemonClosed()
            case "note" where text.hasPrefix("child process exited"): replay.childEnded(text)
            default: break
            }
        }
        // One that ended before the daemon did was ended by it; and 07 is where we ask again.
        #expect(replay.unsaid.allSatisfy { $0["action"]?.string == "shardEnded" && recorded.file.hasPrefix("07") })
        #expect(replay.faults == [])
        switch recorded.file {
        case "11-child-crashes", "12-child-crashes-in-initialize", "17-wrong-status":
            #expect(replay.conversation.stage == .over)
        case "13-child-hangs":
            _ = replay.conversation.timedOut()
            #expect(replay.conversation.stage == .over)
        default: #expect(replay.conversation.stage != .over)
        }
    }

    /// Walks through a transcript.
    struct Replay {
        /// `initialize` is the shell's, which knows the shard.
        var conversation = Conversation(behind: nil)
        /// What we have sent and the daemon has not yet.
        var unsaid: [JSONValue] = []
        var faults: [String] = []
        private var isStoring = false
        private var isInputClosed = false

        mutating func daemonSaid(_ text: String) throws {
            let json = try JSONParser.parse(text)
            switch json["action"]?.string {
            case "initialize":
                let number = json["sequenceNumber"]?.string ?? ""
                let checkpoint = SequenceNumber(number).map { Checkpoint(sequenceNumber: $0) }
                conversation = Conversation(behind: checkpoint)
            case "processRecords":
                guard let last = json["records"]?.array?.last else {
                    let millis = json["millisBehindLatest"]?.int ?? -1
                    perform(conversation.gaveNothing(millisBehindLatest: millis))
                    return expect(json)
                }
                let isGiven = conversation.gave(through: place(of: last, in: json))
                if !isGiven { faults.append("a batch is not given at \(conversation.stage)") }
            case "checkpoint":
                if isStoring {
                    isStoring = false
                    let fault = json["error"]?.string.flatMap(CheckpointFault.init)
                    perform(conversation.checkpointed(fault))
                }
                expect(json)
            case "shardEnded":
                perform(conversation.turns(to: .shardEnd))
                expect(json)
            case "shutdownRequested":
                perform(conversation.turns(to: .leave))
                expect(json)
            case "leaseLost":
                perform(conversation.turns(to: .lost))
                expect(json)
            default: faults.append("the daemon said \(text)")
            }
        }

        mutating func childSaid(_ text: String) {
            perform(conversation.received(MessageFromProcessor(line: text.utf8)))
        }

        /// A daemon that ends without a grace closes the input of children at work.
        mutating func daemonClosed() {
            if conversation.course != .batches, !isInputClosed, conversation.course != .shardEnd {
                faults.append("we do not close the input at \(conversation.stage)")
            }
            isInputClosed = true
        }

        mutating func childEnded(_ text: String) {
            if !isInputClosed { perform(conversation.ended(.ended(text))) }
        }

        private mutating func perform(_ actions: [Conversation.Action]) {
            for action in actions {
                switch action {
                case .send(let message): unsaid.append(try! JSONParser.parse(message.line))
                case .store: isStoring = true
                case .remind: perform(conversation.asksAgain())
                case .closeInput: isInputClosed = true
                case .ask, .fail: break
                }
            }
        }

        private mutating func expect(_ json: JSONValue) {
            guard !unsaid.isEmpty else { return faults.append("we did not say \(json)") }
            let said = unsaid.removeFirst()
            if members(said) != members(json) { faults.append("we said \(said), not \(json)") }
        }

        /// Their order does not count.
        private func members(_ json: JSONValue) -> [String: JSONValue] {
            Dictionary(uniqueKeysWithValues: (json.object ?? []).map { ($0.key, $0.value) })
        }

        /// As the engine names the last record: a sub-sequence number where it is one of an aggregate's.
        private func place(of last: JSONValue, in json: JSONValue) -> Checkpoint {
            let number = SequenceNumber(last["sequenceNumber"]?.string ?? "")!
            let count = json["records"]?.array?.count { $0["sequenceNumber"]?.string == number.text } ?? 1
            return Checkpoint(
                sequenceNumber: number, subSequenceNumber: count > 1 ? last["subSequenceNumber"]?.int : nil)
        }
    }
}
