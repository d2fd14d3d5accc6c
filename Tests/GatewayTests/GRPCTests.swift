import Bytes
@testable import Gateway
import HTTP
import JSON
import Kinesis
import Producer
import Protobuf
import Testing

/// The head of a call.
@Suite struct GRPCHeadTests {
    private func request(
        _ path: String = GRPCMethod.put.rawValue, method: HTTPMethod = .post, with headers: HTTPHeaders = [:]
    ) throws -> HTTPRequest {
        let type: HTTPHeaders = headers.first("Content-Type") == nil ? ["Content-Type": "application/grpc"] : [:]
        return try HTTPRequest(method: method, target: path, headers: ["Host": "localhost"] + type + headers)
    }

    @Test(arguments: [
        ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;charset=utf-8", true),
        ("application/grpc+json", true), ("application/grpc-web+proto", false), ("application/json", false),
    ])
    func `what is a call is told by its type`(type: String, isCall: Bool) throws {
        #expect(GRPCHead.isCall(try request(with: ["Content-Type": type])) == isCall)
    }

    @Test(arguments: [
        ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
        ("99999999m", .milliseconds(99_999_999)),
        ("5u", .microseconds(5)), ("0n", .zero),
    ])
    func `a time-out is digits and a unit`(text: String, time: Duration) throws {
        #expect(try GRPCHead(try request(with: ["grpc-timeout": text]), carriesTrailers: true).timeout == time)
    }

    @Test(arguments: ["", "S", "1", "1s", "-1S", "123456789S", "1.5S", "1SS"])
    func `another time-out is refused`(text: String) throws {
        let request = try request(with: ["grpc-timeout": text])
        #expect(throws: Problem.self) { try GRPCHead(request, carriesTrailers: true) }
    }

    @Test func `each fault has its own code`() throws {
        func code(_ request: HTTPRequest, carriesTrailers: Bool = true) -> ProblemCode? {
            do throws(Problem) {
                _ = try GRPCHead(request, carriesTrailers: carriesTrailers)
                return nil
            } catch {
                return error.document.code
            }
        }
        #expect(code(try request()) == nil)
        #expect(code(try request(), carriesTrailers: false) == .unsupportedVersion)
        #expect(code(try request(method: .get)) == .methodNotAllowed)
        #expect(code(try request("/kinesis_sidecar.v1.KinesisSidecar/Nothing")) == .unknownRoute)
        #expect(code(try request(with: ["grpc-encoding": "gzip"])) == .unsupportedContentCoding)
        #expect(code(try request(with: ["grpc-encoding": "identity"])) == nil)
        #expect(code(try request(with: ["Content-Type": "application/grpc+json"])) == .unsupportedMediaType)
    }

    @Test func `every method of the descriptors is served, and no other`() {
        let services = DescriptorSet.built.files.flatMap { file in
            file.symbols.filter { symbol in file.services.contains { symbol.hasPrefix($0 + ".") } }
        }
        let methods = GRPCMethod.allCases.map { String($0.rawValue.dropFirst().map { $0 == "/" ? "." : $0 }) }
        #expect(services.sorted() == methods.sorted())
    }
}

@Suite struct MessageSplitterTests {
    private let input: [UInt8] = [0, 0, 0, 0, 3, 8, 150, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 16, 7]

    @Test(arguments: 1...20) func `messages are the same wherever the input is cut`(step: Int) throws {
        var splitter = MessageSplitter(limit: 10)
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: input.count, by: step) {
            splitter.append(ByteBuffer(input[start..<min(start + step, input.count)]))
            while let message = try splitter.next() { found.append(unsafe Array(message.bytes)) }
        }
        #expect(found == [[8, 150, 1], [], [16, 7]])
        #expect(splitter.isEmpty)
    }

    @Test func `a message stays when more comes behind it`() throws {
        var splitter = MessageSplitter(limit: 10)
        splitter.append(ByteBuffer(input[..<12]))
        var first = try #require(try splitter.next())
        splitter.append(ByteBuffer(input[12...]))
        #expect(try first.next()?.unsigned() == 150)
    }

    @Test func `a message over the limit is refused before it has come`() {
        var splitter = MessageSplitter(limit: 10)
        splitter.append(ByteBuffer([0, 0, 0, 0, 11] as [UInt8]))
        #expect(throws: GRPCFault.messageTooLarge(limit: 10, actual: 11)) { try splitter.next() }
    }

    @Test func `a compressed message is refused`() {
        var splitter = MessageSplitter(limit: 10)
        splitter.append(ByteBuffer([1, 0, 0, 0, 0] as [UInt8]))
        #expect(throws: GRPCFault.flagged(1)) { try splitter.next() }
    }
}

@Suite struct GRPCStatusTests {
    @Test func `what is well has no details`() {
        #expect(GRPCStatus(problem: nil).trailers == ["grpc-status": "0"])
    }

    @Test func `a problem's sentences, code and members are in the status`() throws {
        let document = ProblemDocument(.badOption, "100 % \u{e4}\n").with("option", .string("limit"))
            .with("accepted", .strings(["a", "b"])).header("Retry-After", "1")
        let trailers = GRPCStatus(problem: document).trailers
        #expect(trailers.first("grpc-status") == "3")
        #expect(trailers.first("grpc-message") == "100 %25 %C3%A4%0A")
        let text = try #require(trailers.first("grpc-status-details-bin"))
        #expect(!text.contains("="))
        let padded = text + String(repeating: "=", count: (4 - text.count % 4) % 4)
        let status = ByteBuffer(try #require(Base64.decode(padded)))
        let types = JSONMessages.built
        let read = try types.read(ProtobufReader(status), as: "google.rpc.Status")
        #expect(read["code"]?.int == 3)
        #expect(read["message"]?.string == "100 % \u{e4}\n")
        let any = try details(in: status)
        let info = try types.read(any, as: "google.rpc.ErrorInfo")
        #expect(info["reason"]?.string == "badOption")
        #expect(info["domain"]?.string == "kinesis-sidecar")
        #expect(
            info["metadata"] == ["option": "limit", "accepted": #"["a","b"]"#, "retryAfter": "1"])
    }

    /// The message within the Any within the status.
    private func details(in status: ByteBuffer) throws -> ProtobufReader {
        var fields = ProtobufReader(status)
        while let field = try fields.next() {
            guard field.number == 3 else { continue }
            var any = try field.message()
            while let part = try any.next() {
                if part.number == 2 { return try part.message() }
            }
        }
        throw ProtobufError(.unexpectedEnd, at: 0)
    }

    @Test func `a long text is cut, since clients take 8 KiB of fields`() throws {
        let document = ProblemDocument(.badField, String(repeating: "x", count: 100_000))
        let size = GRPCStatus(problem: document).trailers.reduce(0) { $0 + $1.value.utf8.count }
        #expect(size < 4096)
    }

    /// After UNAVAILABLE clients try again by themselves: what may have been written does not have it.
    @Test func `what passes by itself is unavailable or exhausted`() {
        let timeouts: [ProblemCode] = [.putTimeout, .deadlineExceeded]
        for code in ProblemCode.allCases where [429, 502, 503, 504].contains(code.status.rawValue) {
            let expected: [GRPCCode] =
                timeouts.contains(code) ? [.deadlineExceeded] : [.unavailable, .resourceExhausted]
            #expect(expected.contains(code.grpcCode), "\(code)")
        }
    }
}

@Suite struct JSONMessagesTests {
    private let messages = JSONMessages.built

    private func written(_ value: JSONValue, as name: String) throws -> JSONValue {
        let buffer = ByteBuffer()
        messages.write(value, as: name, to: ProtobufWriter(buffer))
        return try messages.read(ProtobufReader(buffer), as: name)
    }

    @Test func `members become fields of the same name in snake case`() throws {
        let value: JSONValue = [
            "streamName": "s", "consumerGroup": "g", "options": ["limit": "7", "useAutoCheckpoints": "false"],
        ]
        #expect(try written(value, as: "kinesis_sidecar.v1.StartRequest") == value)
    }

    @Test func `numbers and truth values are texts where the field is a text`() throws {
        let value: JSONValue = ["options": ["limit": 7, "useAutoCheckpoints": true]]
        #expect(
            try written(value, as: "kinesis_sidecar.v1.StartRequest")
                == ["options": ["limit": "7", "useAutoCheckpoints": "true"]])
    }

    @Test func `times become timestamps, null is left out`() throws {
        let value: JSONValue = ["lastAwsResponse": "2023-11-14T22:13:20.123Z", "lastRecordSent": .null]
        #expect(
            try written(value, as: "kinesis_sidecar.v1.Stats")
                == ["lastAwsResponse": ["seconds": 1_700_000_000, "nanos": 123_000_000]])
    }

    @Test func `an empty text is as none, as it is on the wire`() throws {
        let value: JSONValue = ["streamName": "", "consumerGroup": "g"]
        #expect(try written(value, as: "kinesis_sidecar.v1.StopRequest") == ["consumerGroup": "g"])
    }
}

@Suite struct RecordCreditTests {
    @Test func `without a bound every event may be sent`() {
        var credit = RecordCredit.unbounded
        credit.spend(1000)
        #expect(credit == .unbounded && credit.isOpen)
    }

    @Test func `an event that is over the credit is taken off the next one`() {
        var credit = RecordCredit.left(3)
        credit.spend(5)
        #expect(!credit.isOpen)
        credit.give(2)
        #expect(!credit.isOpen)
        credit.give(1)
        #expect(credit.isOpen)
    }

    @Test func `the first credit counts from there on, and more than an Int holds is as much`() {
        var credit = RecordCredit.unbounded
        credit.give(1)
        credit.give(.max)
        #expect(credit == .left(.max))
    }
}

@Suite struct PutResponsesTests {
    @Test func `responses stand in the order of the requests, whatever stream they were for`() throws {
        var draft = PutLinesDraft(stream: nil, memory: 1 << 20, isOrdered: false)
        let data = ByteBuffer("abc")
        for line in 1...6 {
            var values = PutRecordValues()
            values.data = 0..<line % 4
            if line == 4 { values.explicitHashKey = "x" }
            draft.add(values, in: data, to: StreamName(line % 2 == 0 ? "even" : "odd")!, line: line)
        }
        let lines = draft.finish()
        let answers = lines.groups.map { group in
            Result<PutAnswer, PutError>.success(
                PutAnswer(
                    results: group.lines.map { .failed(code: "line", message: String($0)) }, encryptionType: "KMS"))
        }
        var splitter = MessageSplitter(limit: 1 << 20)
        splitter.append(PutResponses(lines, answers).messages)
        var said: [String] = []
        while let message = try splitter.next() {
            let read = try JSONMessages.built.read(message, as: "kinesis_sidecar.v1.PutStreamResponse")
            said.append(read["result"]?["errorCode"]?.string ?? "")
        }
        #expect(said == ["line", "line", "line", "badField", "line", "line"])
    }
}
