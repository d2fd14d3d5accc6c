import AWS
import Bytes
import Kinesis
import ScriptedService
import Testing
import Time

@Suite(.timeLimit(.minutes(4))) struct KinesisClientTests {
    private static let stream = StreamName("orders")!

    @Test func `all pages of shards are followed, each by its token alone`() async throws {
        let requests = try await run { _, _, earlier in
            .init(body: Self.page([earlier], next: earlier < 2 ? "t\(earlier)" : nil))
        } _: { client in
            let shards = try await client.listAllShards(Self.stream, retry: nil)
            #expect(shards.map(\.id) == (0...2).map(ShardID.init(number:)))
        }
        #expect(
            requests == [
                #"ListShards {"StreamName":"orders","MaxResults":1000}"#,
                #"ListShards {"NextToken":"t0","MaxResults":1000}"#,
                #"ListShards {"NextToken":"t1","MaxResults":1000}"#,
            ])
    }

    @Test func `a listing whose token has expired starts over once`() async throws {
        let expired = ScriptedService.Answer(status: .badRequest, body: #"{"__type":"ExpiredNextTokenException"}"#)
        let again = try await run { _, _, earlier in
            earlier == 1 ? expired : .init(body: Self.page([earlier], next: earlier == 0 ? "t" : nil))
        } _: { client in
            let shards = try await client.listAllShards(Self.stream, retry: nil)
            #expect(shards.map(\.id) == [ShardID(number: 2)])
        }
        #expect(again.count == 3)
        let always = try await run { _, body, _ in
            body.contains("NextToken") ? expired : .init(body: Self.page([0], next: "t"))
        } _: { client in
            await #expect(throws: AWSError.self) { try await client.listAllShards(Self.stream, retry: nil) }
        }
        #expect(always.count == 4)
    }

    @Test func `a token that comes twice ends the listing with an error`() async throws {
        let requests = try await run { _, _, _ in
            .init(body: Self.page([0], next: "t"))
        } _: { client in
            await #expect(throws: AWSError.self) { try await client.listAllShards(Self.stream, retry: nil) }
        }
        #expect(requests.count == 2)
    }

    @Test func `a listing that goes in a circle, or never ends, ends with an error`() async throws {
        let circle = try await run { _, _, earlier in
            .init(body: Self.page([0], next: "t\(earlier % 3)"))
        } _: { client in
            await #expect(throws: AWSError.self) { try await client.listAllShards(Self.stream, retry: nil) }
        }
        #expect(circle.count == 4)
        let endless = try await run { _, _, earlier in
            .init(body: Self.page([], next: "t\(earlier)"))
        } _: { client in
            let error = await #expect(throws: AWSError.self) {
                try await client.listAllShards(Self.stream, retry: nil)
            }
            #expect(error?.description.contains("1000 pages") == true)
        }
        #expect(endless.count == 1000)
    }

    @Test func `what is an answer to whoever asks is no failure of the service`() async throws {
        _ = try await run { operation, _, _ in
            let code = operation == "CreateStream" ? "ResourceInUseException" : "ResourceNotFoundException"
            return .init(status: .badRequest, body: #"{"__type":"\#(code)"}"#)
        } _: { client in
            let stream = Self.stream
            let entry = PutRecordEntry(ByteBuffer("a"), partitionKey: "k")
            _ = try? await client.call(DescribeStreamSummary(stream: stream), retry: nil)
            _ = try? await client.call(CreateStream(stream: stream, capacity: .provisioned(shards: 1)), retry: nil)
            _ = try? await client.putRecords(stream, [entry])
            _ = try? await client.putRecord(PutRecord(stream: stream, entry: entry))
            _ = try? await client.listAllShards(stream, retry: nil)
            #expect(client.client.recentExceptions.count(now: .now()) == 0)
            let shard = GetShardIterator(stream: stream, shard: ShardID(number: 0), position: .latest)
            _ = try? await client.call(shard, retry: nil)
            #expect(client.client.recentExceptions.count(now: .now()) == 1)
        }
    }

    @Test func `GetRecords gives the answer as it came`() async throws {
        let answer = AnswerText.answer([AnswerText.record(1, "x")])
        let requests = try await run { _, _, _ in
            .init(body: answer)
        } _: { client in
            let received = try await client.getRecords(ShardIterator("it"), limit: 5)
            #expect(received.text == answer)
        }
        #expect(requests == [#"GetRecords {"ShardIterator":"it","Limit":5}"#])
    }

    @Test func `PutRecords gives a result for each entry`() async throws {
        let requests = try await run { _, _, _ in
            .init(body: #"{"Records":[{"ShardId":"s","SequenceNumber":"1"},{"ErrorCode":"InternalFailure"}]}"#)
        } _: { client in
            let entries = ["a", "b"].map { PutRecordEntry(ByteBuffer($0), partitionKey: $0) }
            let answer = try await client.putRecords(Self.stream, entries)
            #expect(answer.results.last == .failed(code: "InternalFailure", message: ""))
        }
        #expect(
            requests == [
                #"PutRecords {"StreamName":"orders","Records":[{"Data":"YQ==","PartitionKey":"a"},{"Data":"Yg==","PartitionKey":"b"}]}"#
            ])
    }

    @Test func `a response that cannot be read is an error that says why`() async throws {
        _ = try await run { _, _, _ in
            .init(body: #"{"Shards":[{}]}"#)
        } _: { client in
            let expected = AWSError.response(
                reason: "the service's response lacks a good Shards[0].SequenceNumberRange", requestID: nil)
            await #expect(throws: expected) { try await client.listAllShards(Self.stream, retry: nil) }
        }
    }

    @Test func `an operation without a response's body succeeds`() async throws {
        let requests = try await run { _, _, _ in
            .init(body: "")
        } _: { client in
            try await client.call(CreateStream(stream: Self.stream, capacity: .provisioned(shards: 1)), retry: nil)
        }
        #expect(requests == [#"CreateStream {"StreamName":"orders","ShardCount":1}"#])
    }

    @Test func `GetRecords in CBOR says so, and an answer in another format names the option`() async throws {
        let refusals: [(ScriptedService.Answer, told: Bool)] = [
            (.init(status: .unsupportedMediaType, body: #"{"__type":"UnsupportedMediaTypeException"}"#), true),
            (.init(status: .badRequest, body: "<html>what?</html>"), true),
            (.init(status: .serviceUnavailable, body: "<html>later</html>"), false),
        ]
        for (answer, isTold) in refusals {
            let requests = try await run(.cbor) { _, _, _ in
                answer
            } _: { client in
                do {
                    _ = try await client.getRecords(ShardIterator("it"))
                    Issue.record("it was answered")
                } catch {
                    #expect("\(error)".contains("set wireFormat to json") == isTold, "\(error)")
                }
            }
            #expect(requests.count == 1 && requests[0].contains("mShardIteratorbit"))
        }
    }

    /// Runs `body` with a client of a service that answers by a script of operation, body and the number of requests before.
    private func run(
        _ wireFormat: WireFormat = .json, _ script: @escaping @Sendable (String, String, Int) -> ScriptedService.Answer,
        _ body: @escaping @Sendable (KinesisClient) async throws -> Void
    ) async throws -> [String] {
        try await ScriptedService.run(KinesisClient.serviceProtocol) { request in
            script(request.operation, request.body, request.earlier)
        } _: { client in
            try await body(KinesisClient(client, wireFormat: wireFormat))
        }
    }

    private static func page(_ numbers: [Int], next: String?) -> String {
        let shards = numbers.map {
            #"{"ShardId":"\#(ShardID(number: $0))","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"1"},"#
                + #""SequenceNumberRange":{"StartingSequenceNumber":"1"}}"#
        }
        return #"{"Shards":[\#(shards.joined(separator: ","))]"# + (next.map { #","NextToken":"\#($0)""# } ?? "") + "}"
    }
}
