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

    package func summary(of stream: StreamName, retry: RetryPolicy?) async throws(AWSError) -> StreamSummary {
        do {
            return noted(stream, try await service.summary(of: stream, retry: retry))
        } catch {
            throw noted(stream, error)
        }
    }

    package func create(_ stream: StreamName, shardCount: Int, retry: RetryPolicy?) async throws(AWSError) {
        do {
            noted(stream, try await service.create(stream, shardCount: shardCount, retry: retry))
        } catch {
            throw noted(stream, error)
        }
    }

    package func shards(of stream: StreamName, retry: RetryPolicy?) async throws(AWSError) -> [Shard] {
        do {
            return noted(stream, try await service.shards(of: stream, retry: retry))
        } catch {
            throw noted(stream, error)
        }
    }

    package func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        do {
            return noted(stream, try await service.iterator(of: shard, in: stream, at: position))
        } catch {
            throw noted(stream, error)
        }
    }

    package func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        do {
            let answer = try await service.records(
                of: stream, at: iterator, limit: limit, takesAnswer: takesAnswer)
            return noted(stream, answer)
        } catch {
            throw noted(stream, error, .getRecords)
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

    package func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        do {
            return noted(stream, try await service.describe(stream))
        } catch {
            throw noted(stream, error)
        }
    }

    package func createStream(_ stream: StreamName, shards: Int) async throws(AWSError) {
        do {
            noted(stream, try await service.createStream(stream, shards: shards))
        } catch {
            throw noted(stream, error)
        }
    }

    // MARK: Notes

    private func noted<Answer>(_ stream: StreamName, _ answer: Answer) -> Answer {
        book.note(stream) { $0.answered(now: .now()) }
        return answer
    }

    private func noted(_ stream: StreamName, _ error: AWSError, _ operation: StreamActivity.Operation = .other)
        -> AWSError
    {
        book.note(stream) { $0.failed(error, operation, now: .now()) }
        return error
    }
}
