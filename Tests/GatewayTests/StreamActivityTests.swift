import AWS
import Bytes
@testable import Gateway
import Kinesis
import Testing
import Time

@Suite struct StreamActivityTests {
    private let now = WallTime(milliseconds: 1_000_000)
    private let entry = PutRecordEntry(ByteBuffer("12345"), partitionKey: "key")

    @Test func `accepted records and their bytes are counted, others as failures`() {
        var activity = StreamActivity()
        activity.putStarted()
        let accepted = PutResult.accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber(UInt128(1)))
        let throttled = PutResult.failed(code: "ProvisionedThroughputExceededException", message: "")
        activity.putAnswered([entry, entry], [accepted, throttled], now: now)
        #expect(activity.putRecords == 1)
        #expect(activity.putBytes == 8)
        #expect(activity.putFailures == 1)
        #expect(activity.throttles(.putRecords) == 1)
        #expect(activity.putCallsInFlight == 0)
        #expect(activity.lastRecordSent == now)
        #expect(activity.lastAnswer == now)
    }

    @Test func `a failure of the service is an answer and an exception of the last five minutes`() {
        var activity = StreamActivity()
        let error = ServiceError(code: "InternalFailure", message: "no", status: 500, requestID: "r")
        activity.failed(.service(error), .records, now: now)
        #expect(activity.lastAnswer == now)
        let exception = activity.exceptions.exceptions(now: now).first
        #expect(exception?.code == "InternalFailure")
        #expect(exception?.requestID == "r")
        #expect(exception?.statusCode == 500)
        #expect(activity.exceptions.count(now: now.advanced(by: .seconds(301))) == 0)
    }

    @Test func `what has worked since is history, each kind of call by itself`() {
        var activity = StreamActivity()
        let denied = ServiceError(code: "AccessDeniedException", message: "no", status: 400)
        activity.failed(.service(denied), .records, now: now)
        activity.failed(.transport(.notConnected(reason: "refused")), .shards, now: now.advanced(by: .seconds(1)))
        let later = now.advanced(by: .seconds(2))
        #expect(activity.unresolved(now: later).map(\.code) == ["AccessDeniedException", nil])
        activity.answered(.shards, now: later)
        #expect(activity.unresolved(now: later).map(\.code) == ["AccessDeniedException"])
        #expect(activity.exceptions.count(now: later) == 2)
        #expect(activity.unresolved(now: now.advanced(by: .seconds(301))).isEmpty)
        activity.answered(.records, now: later)
        #expect(activity.unresolved(now: later).isEmpty)
    }

    @Test func `the first put of a stream, which makes it, is no failure; later it is one that the stream is gone`() {
        var activity = StreamActivity()
        let missing = AWSError.service(ServiceError(code: "ResourceNotFoundException", message: "", status: 400))
        func put() {
            activity.putStarted()
            activity.putFailed(1, missing, now: now)
        }
        put()
        activity.failed(missing, .summary, expected: DescribeStreamSummary.expectedCodes, now: now)
        #expect(activity.exceptions.count(now: now) == 0 && activity.putFailures == 0)
        activity.answered(.create, now: now)
        put()
        #expect(activity.exceptions.count(now: now) == 1 && activity.putFailures == 1)
    }

    @Test func `that a stream is not there is a failure only where it was`() {
        var activity = StreamActivity()
        let missing = AWSError.service(ServiceError(code: "ResourceNotFoundException", message: "", status: 400))
        activity.failed(missing, .shards, now: now)
        #expect(activity.exceptions.count(now: now) == 0 && activity.unresolved(now: now).isEmpty)
        #expect(activity.lastAnswer == now)
        activity.answered(.shards, now: now)
        activity.failed(missing, .shards, now: now)
        #expect(activity.exceptions.count(now: now) == 1)
    }

    @Test func `a stream of which only its absence is known is shown nowhere, and forgotten first`() {
        let book = ActivityBook()
        let missing = AWSError.service(ServiceError(code: "ResourceNotFoundException", message: "", status: 400))
        for index in 1..<ActivityBook.capacity {
            book.note(StreamName("s\(index)")!) { $0.answered(.summary, now: now) }
        }
        for index in 1...5 {
            book.note(StreamName("typo\(index)")!) { $0.failed(missing, .summary, expected: [], now: now) }
        }
        #expect(book.all.count == ActivityBook.capacity - 1)
        #expect(book[StreamName("s1")!].lastAnswer != nil)
        #expect(book[StreamName("typo1")!].lastAnswer == nil)
    }

    @Test func `what the sidecar itself cancels is no failure of the service`() {
        var activity = StreamActivity()
        activity.failed(.cancelled, .shards, now: now)
        #expect(activity.exceptions.count(now: now) == 0)
        #expect(activity.lastAnswer == nil)
    }

    @Test func `the stream that was named longest ago is forgotten first, but none with a call on its way`() {
        let book = ActivityBook()
        book.note(StreamName("busy")!) { $0.putStarted() }
        for index in 1...ActivityBook.capacity { book.note(StreamName("s\(index)")!) { $0.putStarted() } }
        for index in 1...ActivityBook.capacity where index > 1 {
            book.note(StreamName("s\(index)")!) { $0.putAnswered([], [], now: now) }
        }
        book.note(StreamName("new")!) { _ in }
        #expect(book[StreamName("busy")!].putCalls == 1)
        #expect(book[StreamName("s1")!].putCalls == 1)
        #expect(book[StreamName("s2")!].putCalls == 0)
    }
}
