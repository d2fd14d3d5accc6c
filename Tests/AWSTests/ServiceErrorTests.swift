import Bytes
import Testing
import Time

@testable import AWS

@Suite struct ServiceErrorTests {
    private func error(_ status: Int, _ body: String, _ headers: String = "") -> ServiceError {
        ServiceError(
            json: AWSResponse(
                status: status, headers: TransportHeaders(lines: ByteBuffer("HTTP/1.1 \(status) X\r\n\(headers)\r\n")),
                body: ByteBuffer(body)))
    }

    @Test(arguments: [
        #"{"__type":"ExpiredIteratorException","message":"m"}"#,
        #"{"__type":"com.amazonaws.kinesis.v20131202#ExpiredIteratorException","Message":"m"}"#,
        #"{"__type":"ns#ExpiredIteratorException:http://internal.example/x#y","message":"m"}"#,
        #"{"code":"ExpiredIteratorException","message":"m"}"#,
    ])
    func `the code is found with and without what stands around it`(body: String) {
        let error = error(400, body, "x-amzn-RequestId: id-1\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n")
        #expect(error.code == "ExpiredIteratorException")
        #expect(error.message == "m")
        #expect(error.status == 400)
        #expect(error.requestID == "id-1")
        #expect(error.date == WallTime(iso8601: "2026-01-02T03:04:05Z"))
        #expect(error.disposition == .expiredIterator)
    }

    @Test func `an error may be CBOR`() {
        let body = ByteBuffer([0xbf, 0x66])
        body.append("__type")
        body.append(contentsOf: [0x78, 0x18])
        body.append("ExpiredIteratorException")
        body.append(0x67)
        body.append("message")
        body.append(contentsOf: [0x61, 0x6d, 0xff])
        let error = ServiceError(
            json: AWSResponse(
                status: 400, headers: TransportHeaders(lines: ByteBuffer("HTTP/1.1 400 X\r\n\r\n")), body: body))
        #expect(error.code == "ExpiredIteratorException" && error.message == "m" && error.isCBOR)
        #expect(!self.error(400, "{}").isCBOR)
    }

    @Test func `the code may stand in a header`() {
        let error = error(400, "", "X-Amzn-ErrorType: LimitExceededException:http://x/\r\n")
        #expect(error.code == "LimitExceededException")
        #expect(error.disposition == .limitExceeded)
    }

    @Test(arguments: [
        (502, "<html>\n <h1>Bad\tGateway</h1></html>", "<html> <h1>Bad Gateway</h1></html>", Disposition.retry),
        (503, "", "", .retry), (429, "", "", .throttled), (403, "no", "no", .denied), (404, "[]", "[]", .fatal),
        (302, "", "", .fatal), (407, "", "", .denied), (500, "{", "{", .retry),
        (500, #"{"__type":5}"#, "", .retry),
    ])
    func `an answer of a proxy is typed by its status`(
        status: Int, body: String, message: String, disposition: Disposition
    ) {
        let error = error(status, body)
        #expect(error.code == "HTTP\(status)")
        #expect(error.message == message)
        #expect(error.disposition == disposition)
    }

    @Test func `a long page gives the start of its text`() {
        let error = error(502, String(repeating: "é ", count: 100_000))
        #expect(error.message.count == ServiceError.excerptLength)
    }

    @Test(arguments: [
        ("ProvisionedThroughputExceededException", Disposition.throttled), ("KMSThrottlingException", .throttled),
        ("ThrottlingException", .throttled), ("LimitExceededException", .limitExceeded),
        ("KMSDisabledException", .denied), ("KMSInvalidStateException", .denied),
        ("KMSAccessDeniedException", .denied), ("KMSNotFoundException", .denied), ("KMSOptInRequired", .denied),
        ("AccessDeniedException", .denied), ("ExpiredIteratorException", .expiredIterator),
        ("ExpiredNextTokenException", .expiredNextToken), ("ResourceInUseException", .resourceInUse),
        ("ResourceNotFoundException", .notFound), ("InvalidArgumentException", .invalidArgument),
        ("ValidationException", .invalidArgument), ("InternalFailure", .retry), ("ServiceUnavailable", .retry),
        ("ExpiredToken", .refreshCredentials), ("ExpiredTokenException", .refreshCredentials),
        ("UnrecognizedClientException", .refreshCredentials), ("RequestTimeTooSkewed", .clockSkew),
        ("InvalidSignatureException", .clockSkew), ("UnknownOperationException", .fatal), ("Anything", .fatal),
    ])
    func `each code asks for what the table says`(code: String, disposition: Disposition) {
        let error = AWSError.service(ServiceError(code: code, message: "", status: 400))
        #expect(error.disposition == disposition)
    }

    @Test func `what never reached the service is told apart`() {
        #expect(!TransportError.timedOut(.connect, after: .zero).mayHaveBeenSent)
        #expect(TransportError.timedOut(.total, after: .zero).mayHaveBeenSent)
        #expect(TransportError.cut(reason: "").mayHaveBeenSent)
        #expect(AWSError.transport(.cut(reason: "")).disposition == .retry)
        #expect(AWSError.transport(.tls(reason: "")).disposition == .denied)
        #expect(AWSError.cancelled.disposition == .cancelled)
    }

    @Test func `exceptions older than five minutes are forgotten, and their number is bounded`() {
        var recent = RecentExceptions()
        let start = WallTime(milliseconds: 1_000_000)
        let error = ServiceError(code: "C", message: "m", status: 400, requestID: "id")
        recent.record(.service(error), now: start)
        recent.record(.transport(.closed), now: start.advanced(by: .seconds(200)))
        let both = recent.exceptions(now: start.advanced(by: .seconds(300)))
        #expect(both.map(\.code) == ["C", nil])
        #expect(both[0].requestID == "id" && both[0].statusCode == 400 && both[0].message == "m")
        #expect(recent.exceptions(now: start.advanced(by: .seconds(301))).count == 1)
        for _ in 0..<500 { recent.record(.cancelled, now: start.advanced(by: .seconds(400))) }
        #expect(recent.exceptions(now: start.advanced(by: .seconds(400))).count == RecentExceptions.capacity)
    }

    @Test func `exceptions are counted beyond those that are listed, and for as long`() {
        var recent = RecentExceptions()
        let start = WallTime(milliseconds: 1_000_000)
        for second in 0..<600 {
            for _ in 0..<3 { recent.record(.transport(.closed), now: start.advanced(by: .seconds(second))) }
        }
        let end = start.advanced(by: .seconds(599))
        #expect(recent.count(now: end) == 301 * 3)
        #expect(recent.count(now: end.advanced(by: .seconds(100))) == 201 * 3)
        #expect(recent.count(now: end.advanced(by: .seconds(290))) == 11 * 3)
        #expect(recent.count(now: end.advanced(by: .seconds(301))) == 0)
    }
}
