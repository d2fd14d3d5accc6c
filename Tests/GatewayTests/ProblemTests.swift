import AWS
import Consumer
@testable import Gateway
import HTTP
import HTTPServer
import JSON
import Kinesis
import Producer
import Testing

@Suite struct ProblemTests {
    private let stream = StreamName("orders")!

    @Test func `a problem document has RFC 9457's members, the code, and what the case adds`() throws {
        let document = Problem.unsupportedMediaType("text/plain", accepted: ["application/json"], takesData: false)
            .document
        let json = try JSONParser.parse(document.body)
        #expect(json["type"]?.string == "urn:kinesis-sidecar:problem:unsupportedMediaType")
        #expect(json["title"]?.string == ProblemCode.unsupportedMediaType.title)
        #expect(json["status"]?.int == 415)
        #expect(json["detail"]?.string?.contains("\"text/plain\"") == true)
        #expect(json["code"]?.string == "unsupportedMediaType")
        #expect(json["accepted"] == ["application/json"])
        #expect(document.httpHeaders.first("content-type") == "application/problem+json")
    }

    @Test func `what a request brought cannot break the document`() throws {
        let text = "\"\\\n\u{0}\u{7f}\u{1F600}"
        let document = Problem.option(.unknown(option: text), accepted: []).document
        #expect(try JSONParser.parse(document.body)["option"]?.string == text)
    }

    @Test(arguments: ["ProvisionedThroughputExceededException", "KMSThrottlingException", "LimitExceededException"])
    func `throttling is 429 with Retry-After`(code: String) {
        let document = Problem.aws(service(code, 400), stream: stream).document
        #expect(document.code == .throttled)
        #expect(document.httpHeaders.first("Retry-After") == "1")
    }

    @Test(arguments: [
        ("ResourceNotFoundException", 400, ProblemCode.streamMissing), ("ResourceInUseException", 400, .streamNotReady),
        ("AccessDeniedException", 400, .awsDenied), ("ExpiredTokenException", 400, .awsDenied),
        ("InvalidArgumentException", 400, .invalidArgument), ("ValidationException", 400, .invalidArgument),
        ("InternalFailure", 500, .awsFailed), ("HTTP503", 503, .awsFailed), ("SomethingNew", 400, .awsFailed),
    ])
    func `an error of the service has a code of ours, and tells the service's`(
        code: String, status: Int, expected: ProblemCode
    ) {
        let document = Problem.aws(service(code, status), stream: stream).document
        #expect(document.code == expected)
        #expect(document.members.contains(JSONMember(key: "awsCode", value: .string(code))))
        #expect(document.members.contains(JSONMember(key: "awsRequestId", value: "r-1")))
    }

    @Test func `a put that is not stored in time says whether Kinesis was silent, or what it said`() {
        func detail(_ lastFailure: AWSError?) -> String? {
            let error = PutError.timedOut(after: .seconds(30), mayHaveBeenWritten: true, lastFailure: lastFailure)
            return (try? JSONParser.parse(Problem.put(error, stream: stream).document.body))?["detail"]?.string
        }
        #expect(
            detail(nil) == "There was no answer of Kinesis within 30.0 seconds; the record may have been written.")
        #expect(
            detail(service("InternalFailure", 500))?.hasPrefix(
                "There was no success of Kinesis within 30.0 seconds; the record may have been written. The last attempt: "
                    + "InternalFailure, status 500") == true)
    }

    @Test func `a way to AWS that does not lead there is 502, one that takes too long 504`() {
        func code(_ error: TransportError) -> ProblemCode {
            Problem.aws(.transport(error), stream: stream).document.code
        }
        #expect(code(.notConnected(reason: "refused")) == .awsUnreachable)
        #expect(code(.tls(reason: "expired")) == .awsUnreachable)
        #expect(code(.timedOut(.total, after: .seconds(10))) == .awsTimeout)
    }

    @Test func `a put that timed out says what is known of it`() {
        func member(_ mayHaveBeenWritten: Bool) -> ProblemDocument {
            let error = PutError.timedOut(
                after: .seconds(30), mayHaveBeenWritten: mayHaveBeenWritten, lastFailure: nil)
            return Problem.put(error, stream: stream).document
        }
        #expect(member(true).detail.contains("may have been written"))
        #expect(member(false).detail.contains("was not written"))
        #expect(member(true).members == [JSONMember(key: "mayHaveBeenWritten", value: true)])
    }

    @Test func `a record over the stream's size names its index, its size and the limit`() {
        let document = Problem.put(.recordTooLarge(index: 3, size: 2_000_000, limit: 1_048_576), stream: stream)
            .document
        #expect(document.code.status == .contentTooLarge)
        #expect(document.members.first { $0.key == "index" }?.value == 3)
        #expect(document.members.first { $0.key == "size" }?.value == 2_000_000)
        #expect(document.members.first { $0.key == "limit" }?.value == 1_048_576)
    }

    @Test func `a conflicting option names both values`() throws {
        var held = ConsumerOptions()
        held.limit = 10
        let conflict = try #require(try NamedOptions([("limit", "20")], from: .query).conflict(with: held))
        let document = Problem.consumer(.conflictingOption(conflict), stream: stream).document
        #expect(document.code.status == .conflict)
        #expect(
            document.members.map(\.key) == ["option", "held", "asked"]
                && document.members.map(\.value) == ["limit", "10", "20"])
    }

    @Test func `an unknown option names what is accepted`() {
        let document = Problem.option(.unknown(option: "limt"), accepted: RecordsRequest.queryOptions).document
        let start = "There is no option \"limt\"; did you mean limit? Accepted here: consumerGroup,"
        #expect(document.detail.hasPrefix(start))
        #expect(document.members.first { $0.key == "accepted" }?.value.array?.contains("limit") == true)
    }

    @Test func `an option that is like none is not guessed at`() {
        let document = Problem.option(.unknown(option: "zzzzzzzz"), accepted: ["consumerGroup"]).document
        #expect(document.detail == "There is no option \"zzzzzzzz\". Accepted here: consumerGroup.")
    }

    @Test func `a foreign host is told how to become one of ours`() {
        let document = Problem.origin(.foreignHost("sidecar.svc")).document
        #expect(document.code.status == .misdirectedRequest)
        #expect(document.detail.contains("KINESIS_SIDECAR_ALLOWED_HOSTS"))
    }

    private func service(_ code: String, _ status: Int) -> AWSError {
        .service(ServiceError(code: code, message: "m", status: status, requestID: "r-1"))
    }
}

@Suite struct AcceptedTypesTests {
    @Test(arguments: [
        [], ["*/*"], ["text/event-stream"], ["text/*"], ["application/json, text/event-stream;q=0.1"],
        ["application/json", "TEXT/Event-Stream"], ["application/x-ndjson , */* ; q=0.5"],
    ])
    func `event streams are taken`(accept: [String]) {
        #expect(AcceptedTypes(accept).best(of: ["text/event-stream"]) != nil)
    }

    @Test(arguments: [
        ["application/x-ndjson"], ["application/json"], ["text/event-stream;q=0"], [""], ["text/html, image/*"],
    ])
    func `event streams are not taken`(accept: [String]) {
        #expect(AcceptedTypes(accept).best(of: ["text/event-stream"]) == nil)
    }

    @Test(arguments: [
        ([], "a/b"), (["*/*"], "a/b"), (["a/c"], "a/c"), (["a/b;q=0.5, a/c"], "a/c"), (["a/c;q=0.5, */*"], "a/b"),
        (["a/*;q=0.2", "a/c;q=0.3"], "a/c"), (["a/b;q=0, */*"], "a/c"), (["a/b, a/c"], "a/b"),
    ])
    func `of two types the one that is liked better is given, of equals the first`(accept: [String], given: String) {
        #expect(AcceptedTypes(accept).best(of: ["a/b", "a/c"]) == given)
    }
}
