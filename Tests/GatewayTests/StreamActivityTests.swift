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
        activity.failed(.service(error), .getRecords, now: now)
        #expect(activity.lastAnswer == now)
        let exception = activity.recentExceptions(now: now).first
        #expect(exception?.code == "InternalFailure")
        #expect(exception?.requestID == "r")
        #expect(exception?.statusCode == 500)
        #expect(activity.recentExceptions(now: now.advanced(by: .seconds(301))).isEmpty)
    }

    @Test func `what the sidecar itself cancels is no failure of the service`() {
        var activity = StreamActivity()
        activity.failed(.cancelled, .other, now: now)
        #expect(activity.recentExceptions(now: now).isEmpty)
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
