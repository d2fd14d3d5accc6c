import AWS
import Bytes
import JSON
import Reactor

/// The operations of Kinesis over one `AWSClient`. Confined to its loop.
package final class KinesisClient: @unchecked Sendable {
    /// What one attempt may take. Calls of the control plane, and GetRecords and puts, whose bodies reach 10 MiB.
    package static let controlTimeout: Duration = .seconds(10)
    package static let dataTimeout: Duration = .seconds(30)

    /// How the service is spoken to.
    package static let serviceProtocol = ServiceProtocol.json(.v1_1)

    package let client: AWSClient
    /// Of GetRecords; everything else is JSON.
    private let wireFormat: WireFormat

    package init(_ client: AWSClient, wireFormat: WireFormat = .json) {
        self.client = client
        self.wireFormat = wireFormat
    }

    /// Calls an operation and reads its response.
    ///
    /// - Parameter retry: as for `AWSClient.send`; nil leaves retries to the caller.
    package func call<Operation: KinesisOperation>(
        _ operation: Operation, retry: Retrying?
    ) async throws(AWSError) -> Operation.Response {
        var request = JSONWriter()
        operation.write(&request)
        let response = try await send(
            Operation.name, request.buffer, Self.controlTimeout, retry, expectedCodes: Operation.expectedCodes)
        return try Operation.response(response)
    }

    /// GetRecords' response as it came, for `RecordBatchEncoder`. Not retried: the reader decides.
    /// - Parameter acceptsResponse: as in `TransportRequest`.
    package func getRecords(
        _ iterator: ShardIterator, limit: Int = GetRecords.maximumLimit,
        acceptsResponse: (@Sendable (_ bytes: Int) -> Bool)? = nil
    ) async throws(AWSError) -> ByteBuffer {
        let body = GetRecords(iterator: iterator, limit: limit).body(wireFormat)
        do {
            return try await send(
                GetRecords.name, body, Self.dataTimeout, nil, in: wireFormat, acceptsResponse: acceptsResponse
            ).body
        } catch .service(let error) where wireFormat == .cbor {
            throw .service(error.tellingOfCBOR)
        }
    }

    /// One PutRecords of 1…500 entries, one result for each. Not retried: only failed entries may be.
    package func putRecords(
        _ stream: StreamName, _ entries: [PutRecordEntry]
    ) async throws(AWSError) -> PutRecordsAnswer {
        let operation = PutRecords(stream: stream, entries: entries)
        var request = JSONWriter(capacity: operation.estimatedBytes)
        operation.write(&request)
        let response = try await send(
            PutRecords.name, request.buffer, Self.dataTimeout, nil, isRepeatable: false,
            expectedCodes: PutRecords.expectedCodes)
        do {
            return try PutRecords.read(response.body, count: entries.count)
        } catch {
            throw .response(reason: error.description, requestID: response.requestID)
        }
    }

    /// One PutRecord. Not retried.
    package func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer {
        var request = JSONWriter(capacity: operation.estimatedBytes)
        operation.write(&request)
        let response = try await send(
            PutRecord.name, request.buffer, Self.dataTimeout, nil, isRepeatable: false,
            expectedCodes: PutRecords.expectedCodes)
        do {
            return try PutRecord.read(response.body)
        } catch {
            throw .response(reason: error.description, requestID: response.requestID)
        }
    }

    /// Every shard of a stream, closed ones too, over all pages. A token lives 300 s: when one has expired the
    /// listing starts over, once.
    package func listAllShards(_ stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        do {
            return try await listPages(stream, retry: retry)
        } catch .service(let error) where error.code == "ExpiredNextTokenException" {
            return try await listPages(stream, retry: retry)
        }
    }

    private func listPages(_ stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        var page = ListShards.Page.first(stream)
        var shards: [Shard] = []
        var tokens: Set<String> = []
        while tokens.count < ListShards.maximumPages {
            let response = try await call(ListShards(page), retry: retry)
            shards += response.shards
            guard let token = response.nextToken else { return shards }
            guard tokens.insert(token).inserted else {
                throw .response(reason: "ListShards gave the same NextToken twice", requestID: nil)
            }
            page = .next(token: token)
        }
        throw .response(reason: "ListShards had no end within \(ListShards.maximumPages) pages", requestID: nil)
    }

    private func send(
        _ name: String, _ body: ByteBuffer, _ timeout: Duration, _ retry: Retrying?,
        in format: WireFormat = .json, isRepeatable: Bool = true, expectedCodes: [String] = [],
        acceptsResponse: (@Sendable (Int) -> Bool)? = nil
    ) async throws(AWSError) -> AWSResponse {
        // Both are constants, which the compiler joins: no text is made for a request.
        var request = client.serviceProtocol.request("Kinesis_20131202." + name, body: body, timeout: timeout)
        request.contentType = format.contentType
        request.isRepeatable = isRepeatable
        request.acceptsResponse = acceptsResponse
        request.expectedCodes = expectedCodes
        return try await client.send(request, retry: retry)
    }
}

extension ServiceError {
    /// Of a service that does not read CBOR: it answers in another format, and finds the request wrong or breaks on it. What a
    /// proxy says of a service that is not there has nothing to do with formats, nor has an empty response.
    var tellingOfCBOR: ServiceError {
        let isOfProxy = [429, 502, 503, 504].contains(status)
        let isEmpty = message.isEmpty && code == "HTTP\(status)"
        guard !isCBOR, !isEmpty, !isOfProxy else { return self }
        var told = self
        told.message += (message.isEmpty ? "" : "; ") + "it does not answer in CBOR: set wireFormat to json"
        return told
    }
}
