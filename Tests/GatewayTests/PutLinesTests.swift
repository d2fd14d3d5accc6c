import Bytes
@testable import Gateway
import JSON
import Kinesis
import Producer
import Testing

@Suite struct PutLinesTests {
    private let orders = StreamName("orders")!

    @Test func `the records of a stream are one group, with their lines`() {
        let lines = draft(orders, [#"{"data":"a"}"#, #"{"data":{ "b": 1 },"partitionKey":"k"}"#]).finished()
        #expect(lines.groups.map(\.stream) == [orders])
        #expect(lines.groups.map(\.lines) == [[1, 2]])
        #expect(lines.groups[0].put.isGroup)
        let data = lines.groups[0].put.records.map { String(decoding: $0.entry.data, as: UTF8.self) }
        #expect(data == ["a", #"{"b":1}"#])
        #expect(lines.groups[0].put.records[1].entry.partitionKey == "k")
    }

    @Test func `where lines name their streams each stream has a group`() {
        let texts = ["a", "b", "a", "c"].map { #"{"streamName":"\#($0)","data":1}"# }
        let lines = draft(nil, texts).finished()
        #expect(lines.groups.map(\.stream.text) == ["a", "b", "c"])
        #expect(lines.groups.map(\.lines) == [[1, 3], [2], [4]])
    }

    @Test(arguments: [
        ("", ProblemCode.malformedJSON), ("hello", .malformedJSON), (#"{"data":1} x"#, .malformedJSON),
        ("[]", .malformedJSON), ("{}", .missingField), (#"{"data":1,"x":2}"#, .unknownField),
        (#"{"records":[{"data":1}]}"#, .unknownField), (#"{"data":1,"streamName":"orders"}"#, .unknownField),
        (#"{"data":1,"data":2}"#, .repeatedField), (#"{"data":1,"partitionKey":""}"#, .badField),
        (#"{"data":1,"sequenceNumberForOrdering":"x"}"#, .badField),
    ])
    func `a line that is no record is a fault, and its neighbours are not`(text: String, code: ProblemCode) {
        let lines = draft(orders, [#"{"data":1}"#, text, #"{"data":2}"#]).finished()
        #expect(lines.faults.map(\.line) == [2])
        #expect(lines.faults[0].code == code)
        #expect(lines.faults[0].detail.contains("the line") || code == .repeatedField)
        #expect(lines.groups[0].lines == [1, 3])
        #expect(lines.groups[0].put.records.count == 2)
    }

    @Test func `a line that names no stream where it must is a fault`() {
        let lines = draft(nil, [#"{"data":1}"#, #"{"streamName":"a b","data":1}"#]).finished()
        #expect(lines.faults.map(\.code) == [.missingField, .badField])
        #expect(lines.groups.isEmpty)
    }

    @Test func `a record that holds more than all puts may is a fault`() {
        let text = #"{"data":""# + String(repeating: "x", count: 2000) + #""}"#
        // Data, the digest's 28 characters, and what a record costs.
        #expect(draft(orders, [text], memory: 2000 + 28 + 255).finished().faults.map(\.code) == [.putTooLarge])
        #expect(draft(orders, [text], memory: 2000 + 28 + 256).finished().faults.isEmpty)
    }

    @Test func `a draft has room for 500 lines and 256 KiB of text, and for one line of any size`() {
        var full = draft(orders, Array(repeating: "x", count: 499))
        #expect(full.hasRoom(for: 10))
        full.add(.body(.tooLarge(limit: 1, actual: nil)), line: 500)
        #expect(!full.hasRoom(for: 0))
        _ = full.finish()
        #expect(full.isEmpty && full.hasRoom(for: 16 << 20))
        let text = String(repeating: "x", count: 200 * 1024)
        #expect(draft(orders, [text]).hasRoom(for: 56 * 1024))
        #expect(!draft(orders, [text]).hasRoom(for: 56 * 1024 + 1))
    }

    @Test func `a line that names a stream for which its sender has no grant fails in its place`() {
        let principal = Principal([Grant(name: "app", verbs: [.put], streams: StreamScope(["a*"])!)])
        let texts = ["a", "b", "ab"].map { #"{"streamName":"\#($0)","data":1}"# }
        var draft = draft(nil, texts, principal: principal)
        for _ in 0..<2 {
            let lines = draft.finish()
            #expect(lines.groups.map(\.stream.text) == ["a", "ab"])
            #expect(lines.faults.map(\.line) == [2] && lines.faults.map(\.code) == [.streamNotGranted])
            // What is finished is held to the same.
            for (index, text) in texts.enumerated() {
                let bytes = ByteBuffer(text)
                withExtendedLifetime(bytes) { draft.add(bytes.bytes, line: index + 1) }
            }
        }
    }

    private func draft(
        _ stream: StreamName?, _ texts: [String], memory: Int = 1 << 20, principal: Principal = .anybody
    ) -> PutLinesDraft {
        var draft = PutLinesDraft(stream: stream, memory: memory, isOrdered: false, principal: principal)
        for (index, text) in texts.enumerated() {
            let bytes = ByteBuffer(text)
            withExtendedLifetime(bytes) { draft.add(bytes.bytes, line: index + 1) }
        }
        return draft
    }
}

@Suite struct LineAnswersTests {
    private let written = PutResult.accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber("7")!)
    private let refused = PutResult.failed(code: "Code", message: "why")

    @Test func `failures are told with their lines, and the last line counts`() {
        var answers = LineAnswers(showsAll: false)
        let text = ByteBuffer()
        answers.add(lines([[1, 2, 4]], faults: [3]), [success([written, refused, written])], to: text)
        answers.appendEnd(lines: 5, problem: nil, to: text)
        #expect(
            text.text == """
                {"line":2,"errorCode":"Code","errorMessage":"why"}
                {"line":3,"errorCode":"badField","errorMessage":"bad"}
                {"lines":5,"accepted":2,"failed":2,"encryptionType":"NONE"}

                """)
    }

    @Test func `every result stands in the order of the lines where all are asked for`() throws {
        var answers = LineAnswers(showsAll: true)
        let text = ByteBuffer()
        answers.add(
            lines([[1, 4], [2, 6]], faults: [3, 5]),
            [success([written, refused]), .failure(.streamMissing)], to: text)
        let values = try text.text.split(separator: "\n").map { try JSONParser.parse(String($0)) }
        #expect(values.map { $0["line"]?.int } == [1, 2, 3, 4, 5, 6])
        #expect(values[0] == ["line": 1, "sequenceNumber": "7", "shardId": "shardId-000000000000"])
        #expect(values[1]["errorCode"]?.string == "ResourceNotFoundException")
        #expect((answers.accepted, answers.failed) == (1, 5))
    }

    @Test func `encryption is told when it is known and one`() {
        func end(_ types: [String?]) -> String {
            var answers = LineAnswers(showsAll: false)
            for type in types {
                answers.add(lines([[1]], faults: []), [success([written], encryption: type)], to: ByteBuffer())
            }
            let text = ByteBuffer()
            answers.appendEnd(lines: 0, problem: nil, to: text)
            return text.text
        }
        #expect(!end([]).contains("encryption") && !end([nil]).contains("encryption"))
        #expect(end([nil, "KMS", "KMS"]).contains(#""encryptionType":"KMS""#))
        #expect(!end(["KMS", "NONE", "KMS"]).contains("encryption"))
    }

    @Test func `the problem that ended the lines is a document`() throws {
        let text = ByteBuffer()
        LineAnswers(showsAll: false).appendEnd(
            lines: 3, problem: Problem.tooManyFailures(limit: 4).document, to: text)
        let problem = try JSONParser.parse(text.text)["problem"]
        #expect(problem?["code"]?.string == "tooManyFailures")
        #expect(problem?["limit"]?.int == 4)
    }

    @Test func `a long message is cut`() throws {
        var answers = LineAnswers(showsAll: false)
        let text = ByteBuffer()
        let long = PutResult.failed(code: "Code", message: String(repeating: "\u{e4}", count: 10_000))
        answers.add(lines([[1]], faults: []), [success([long])], to: text)
        #expect(try JSONParser.parse(text.text)["errorMessage"]?.string?.unicodeScalars.count == 513)
    }

    private func success(_ results: [PutResult], encryption: String? = "NONE") -> Result<PutAnswer, PutError> {
        .success(PutAnswer(results: results, encryptionType: encryption))
    }

    private func lines(_ groups: [[Int]], faults: [Int]) -> PutLines {
        PutLines(
            groups: groups.map { numbers in
                let put = EncodedPut([EncodedPut.Record(PutRecordEntry(ByteBuffer("x"), partitionKey: "k"))])
                return PutLines.Group(stream: StreamName("orders")!, put: put, lines: numbers)
            },
            faults: faults.map { PutLines.Fault(line: $0, code: .badField, detail: "bad") })
    }
}

extension PutLinesDraft {
    fileprivate func finished() -> PutLines {
        var draft = self
        return draft.finish()
    }
}
