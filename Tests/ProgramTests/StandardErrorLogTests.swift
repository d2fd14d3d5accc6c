import JSON
import Logging
import Testing
import Time

@testable import kinesis_sidecar

@Suite struct StandardErrorLogTests {
    private func line(_ message: Logger.Message, _ metadata: Logger.Metadata, isTerminal: Bool) -> String {
        let log = StandardErrorLog(label: "test", level: .info, isTerminal: isTerminal) { _ in }
        let event = LogEvent(
            level: .warning, message: message, metadata: metadata, source: "s", file: "f", function: "g", line: 1)
        return log.line(event, now: WallTime(milliseconds: 0)).text
    }

    @Test func `a terminal gets text`() {
        #expect(
            line("hello", ["b": "2", "a": "1"], isTerminal: true)
                == "1970-01-01T00:00:00.000Z warning hello a=1 b=2\n")
    }

    @Test func `a peer's control characters cannot begin a line or steer the terminal`() {
        #expect(!line("a\nb\u{1B}[2J", [:], isTerminal: true).dropLast().contains { $0.isNewline || $0 == "\u{1B}" })
    }

    @Test func `the note of lost lines has the form of the others`() throws {
        let start = WallTime(milliseconds: 0)
        #expect(
            StandardErrorLog.note(ofLost: 2, isTerminal: true, now: start).text
                == "1970-01-01T00:00:00.000Z warning lines were lost: nobody took those before them lines=2\n")
        let note = StandardErrorLog.note(ofLost: 2, isTerminal: false, now: start).array
        let json = try note.withUnsafeBytes { try JSONParser.parse($0) }
        #expect(json["lines"] == 2)
    }

    @Test func `numbers and truths are such in JSON, and texts that look like them are not`() throws {
        let fields: Logger.Metadata = [
            "number": .stringConvertible(-3), "large": .stringConvertible(UInt64.max),
            "truth": .stringConvertible(true),
            "text": "3", "other": .stringConvertible(WallTime(milliseconds: 0).iso8601),
        ]
        let text = line("a", fields, isTerminal: false)
        let value = try Array(text.utf8).withUnsafeBytes { try JSONParser.parse($0) }
        #expect(value["number"] == -3)
        #expect(text.contains("\"large\":\(Int.max)"))
        #expect(value["truth"] == true)
        #expect(value["text"]?.string == "3")
        #expect(value["other"]?.string == "1970-01-01T00:00:00.000Z")
        #expect(line("a", fields, isTerminal: true).contains(" number=-3 "))
    }

    @Test func `elsewhere every line is one JSON object, whatever the message`() throws {
        let text = line("quote \" and\nnewline", ["level": "x", "key": "v"], isTerminal: false)
        #expect(text.filter(\.isNewline).count == 1)
        let value = try Array(text.utf8).withUnsafeBytes { try JSONParser.parse($0) }
        #expect(value["message"]?.string == "quote \" and\nnewline")
        #expect(value["level"]?.string == "warning")
        #expect(value["_level"]?.string == "x")
        #expect(value["key"]?.string == "v")
    }
}
