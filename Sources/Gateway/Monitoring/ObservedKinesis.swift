import AWS
import Bytes
import Consumer
import Kinesis
import Producer
import Time

/// The service as engine and producer see it, with a note in the book for every answer. Confined to its loop.
///
/// Stands in front of `KinesisClient`, so that reading and putting know nothing of stats. It costs a few additions for
/// each call, none for a record that is read.
package final class ObservedKinesis: StreamSource, PutTarget, @unchecked Sendable {
    package typealias Service = StreamSource & PutTarget

    private let service: any Service
    private let book: ActivityBook

    package init(_ service: any Service, _ book: ActivityBook) {
        self.service = service
        self.book = book
    }

    // MARK: Reading

    package func summary(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> StreamSummary {
        do {
            let retry = observed(retry, stream, .summary, expected: DescribeStreamSummary.expectedCodes)
            return noted(stream, .summary, try await service.summary(of: stream, retry: retry))
        } catch {
            throw noted(stream, .summary, error, expected: DescribeStreamSummary.expectedCodes)
        }
    }

    package func create(_ stream: StreamName, _ capacity: StreamCapacity, retry: Retrying?) async throws(AWSError) {
        do {
            let retry = observed(retry, stream, .create, expected: CreateStream.expectedCodes)
            noted(stream, .create, try await service.create(stream, capacity, retry: retry))
        } catch {
            throw noted(stream, .create, error, expected: CreateStream.expectedCodes)
        }
    }

    package func shards(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        do {
            let retry = observed(retry, stream, .shards)
            return noted(stream, .shards, try await service.shards(of: stream, retry: retry))
        } catch {
            throw noted(stream, .shards, error)
        }
    }

    package func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        do {
            return noted(stream, .iterator, try await service.iterator(of: shard, in: stream, at: position))
        } catch {
            throw noted(stream, .iterator, error)
        }
    }

    package func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        do {
            let answer = try await service.records(
                of: stream, at: iterator, limit: limit, takesAnswer: takesAnswer)
            return noted(stream, .records, answer)
        } catch {
            throw noted(stream, .records, error)
        }
    }

    package func subscribe(
        to shard: ShardID, of stream: StreamName, as consumer: ConsumerARN, at position: StartingPosition
    )
        async throws(AWSError) -> any ShardSubscription
    {
        do {
            let subscription = try await service.subscribe(to: shard, of: stream, as: consumer, at: position)
            return noted(stream, .subscribe, subscription)
        } catch {
            throw noted(stream, .subscribe, error)
        }
    }

    package func call<Operation: KinesisOperation>(_ operation: Operation, of stream: StreamName, retry: Retrying?)
        async throws(AWSError) -> Operation.Response
    {
        let expected = Operation.expectedCodes
        do {
            let retry = observed(retry, stream, .consumers, expected: expected)
            return noted(stream, .consumers, try await service.call(operation, of: stream, retry: retry))
        } catch {
            throw noted(stream, .consumers, error, expected: expected)
        }
    }

    // MARK: Putting

    package func putRecords(_ stream: StreamName, _ entries: [PutRecordEntry])
        async throws(AWSError) -> PutRecordsAnswer
    {
        book.note(stream) { $0.putStarted() }
        do {
            let answer = try await service.putRecords(stream, entries)
            book.note(stream) { $0.putAnswered(entries, answer.results, now: .now()) }
            return answer
        } catch {
            book.note(stream) { $0.putFailed(entries.count, error, now: .now()) }
            throw error
        }
    }

    package func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer {
        book.note(operation.stream) { $0.putStarted() }
        do {
            let answer = try await service.putRecord(operation)
            let result = PutResult.accepted(shard: answer.shard, sequenceNumber: answer.sequenceNumber)
            book.note(operation.stream) { $0.putAnswered([operation.entry], [result], now: .now()) }
            return answer
        } catch {
            book.note(operation.stream) { $0.putFailed(1, error, now: .now()) }
            throw error
        }
    }

    package func listShards(_ stream: StreamName) async throws(AWSError) -> [Shard] {
        try await shards(of: stream, retry: nil)
    }

    package func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        do {
            return noted(stream, .summary, try await service.describe(stream))
        } catch {
            throw noted(stream, .summary, error, expected: DescribeStreamSummary.expectedCodes)
        }
    }

    package func learn(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        do {
            return noted(stream, .summary, try await service.learn(stream))
        } catch {
            let expected = DescribeStreamSummary.expectedCodes + ["AccessDeniedException"]
            throw noted(stream, .summary, error, expected: expected)
        }
    }

    package func createStream(_ stream: StreamName, _ capacity: StreamCapacity) async throws(AWSError) {
        do {
            noted(stream, .create, try await service.createStream(stream, capacity))
        } catch {
            throw noted(stream, .create, error, expected: CreateStream.expectedCodes)
        }
    }

    package func gotNoResponse(from stream: StreamName, within time: Duration) {
        book.note(stream) { $0.failed(.transport(.timedOut(.total, after: time)), .put, now: .now()) }
    }

    package func answeredPut(to stream: StreamName, after time: Duration) {
        book.note(stream) { $0.putDurations.record(time) }
    }

    // MARK: Notes

    private func noted<Answer>(_ stream: StreamName, _ call: StreamActivity.Call, _ answer: Answer) -> Answer {
        book.note(stream) { $0.answered(call, now: .now()) }
        return answer
    }

    /// Notes the failures that the call gets over as they come: it may go on for long.
    private func observed(
        _ retry: Retrying?, _ stream: StreamName, _ call: StreamActivity.Call, expected: [String] = []
    ) -> Retrying? {
        retry?.telling { [self] error in _ = noted(stream, call, error, expected: expected) }
    }

    private func noted(
        _ stream: StreamName, _ call: StreamActivity.Call, _ error: AWSError, expected: [String] = []
    ) -> AWSError {
        book.note(stream) { $0.failed(error, call, expected: expected, now: .now()) }
        return error
    }
}
