import AWS
import DynamoDB
import JSON
import ScriptedService
import Testing

private let table = TableName("state")!
private let key: Item = ["consumerGroup": "g", "streamName": "orders"]

@Suite(.timeLimit(.minutes(4))) struct DynamoDBClientTests {
    /// A write that needs a lease.
    private static let write: UpdateItem = {
        var update = ItemUpdate()
        update.set(["shards", "a", "checkpoint"], "495")
        update.require(.equals(["shards", "a", "leaseOwner"], "me"))
        return UpdateItem(table: table, key: key, update: update)
    }()

    private func run(
        _ script: @escaping ScriptedService.Script, _ body: @escaping @Sendable (DynamoDBClient) async throws -> Void
    ) async throws -> [String] {
        try await ScriptedService.run(DynamoDBClient.serviceProtocol, script) { try await body(DynamoDBClient($0)) }
    }

    private static func failure(_ body: String) -> ScriptedService.Answer { .init(status: .badRequest, body: body) }

    @Test func `a request names the service's version, and wants its answer as it is`() async throws {
        _ = try await run { request in
            #expect(request.target == "DynamoDB_20120810.GetItem")
            #expect(request.acceptEncoding == "identity")
            return .init(body: #"{"Item":{"version":{"S":"v1"}},"ConsumedCapacity":{"CapacityUnits":0.5}}"#)
        } _: { client in
            let response = try await client.call(GetItem(table: table, key: key, isConsistent: false))
            #expect(response.item == ["version": "v1"] && response.units == 0.5)
        }
    }

    @Test func `an item that is not there is no error`() async throws {
        _ = try await run { _ in
            .init(body: #"{"ConsumedCapacity":{"CapacityUnits":1}}"#)
        } _: { client in
            let response = try await client.call(GetItem(table: table, key: key, isConsistent: true))
            #expect(response.item == nil && response.units == 1)
        }
    }

    @Test func `a scan goes over all pages, and tries one again that fails for now`() async throws {
        let requests = try await run { request in
            switch request.earlier {
            case 0: .init(body: #"{"Items":[{"a":{"S":"1"}}],"LastEvaluatedKey":{"leaseKey":{"S":"k"}}}"#)
            case 1: Self.failure(#"{"__type":"ProvisionedThroughputExceededException","message":"slow"}"#)
            default: .init(body: #"{"Items":[{"a":{"S":"2"}},{}],"LastEvaluatedKey":null}"#)
            }
        } _: { client in
            let retry = Retrying(RetryPolicy(retries: 2, minTimeout: .milliseconds(1), forever: false))
            let items = try await client.scan(table, isConsistent: true, retry: retry)
            #expect(items == [["a": "1"], ["a": "2"], [:]])
        }
        #expect(
            requests == [
                #"Scan {"TableName":"state","ConsistentRead":true}"#,
                #"Scan {"TableName":"state","ConsistentRead":true,"ExclusiveStartKey":{"leaseKey":{"S":"k"}}}"#,
                #"Scan {"TableName":"state","ConsistentRead":true,"ExclusiveStartKey":{"leaseKey":{"S":"k"}}}"#,
            ])
    }

    @Test func `a write gives the item as it is afterwards`() async throws {
        let requests = try await run { _ in
            .init(body: #"{"Attributes":{"version":{"S":"v2"}},"ConsumedCapacity":{"CapacityUnits":2}}"#)
        } _: { client in
            let outcome = try await client.write(Self.write)
            guard case .done(let response) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(response.item == ["version": "v2"] && response.units == 2)
        }
        #expect(requests.count == 1)
    }

    @Test(arguments: ["com.amazonaws.dynamodb.v20120810#", ""])
    func `a condition that is false gives the item, and is no failure of the service`(namespace: String) async throws {
        _ = try await run { request in
            let item = request.earlier == 0 ? #","Item":{"version":{"S":"v3"}}"# : ""
            return Self.failure(
                #"{"__type":"\#(namespace)ConditionalCheckFailedException","message":"The conditional request failed"\#(item)}"#
            )
        } _: { client in
            let outcomes = [try await client.write(Self.write), try await client.write(Self.write)]
            #expect(outcomes == [.conditionFailed(["version": "v3"]), .conditionFailed(nil)])
            #expect(client.client.recentExceptions.count(now: .now()) == 0)
        }
    }

    @Test func `the item of a failed condition may be as large as items are`() async throws {
        let text = String(repeating: "x", count: ItemSize.most)
        _ = try await run { _ in
            Self.failure(#"{"__type":"ConditionalCheckFailedException","Item":{"a":{"S":"\#(text)"}}}"#)
        } _: { client in
            let outcome = try await client.write(Self.write)
            #expect(outcome == .conditionFailed(["a": .string(text)]))
        }
    }

    @Test func `the item of a failed condition that cannot be read is an error`() async throws {
        _ = try await run { _ in
            Self.failure(#"{"__type":"ConditionalCheckFailedException","Item":{"a":{"S":1}}}"#)
        } _: { client in
            let expected = AWSError.response(
                reason: "the service's response lacks a good Item.a.S", requestID: nil)
            await #expect(throws: expected) { try await client.write(Self.write) }
        }
    }

    @Test(arguments: [
        ("ValidationException", 400), ("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500),
        ("ResourceNotFoundException", 400),
    ])
    func `any other error is told at once, and counts`(code: String, status: Int) async throws {
        let requests = try await run { _ in
            .init(
                status: status == 500 ? .internalServerError : .badRequest,
                body: #"{"__type":"com.amazonaws.dynamodb.v20120810#\#(code)","Message":"m"}"#)
        } _: { client in
            let error = await #expect(throws: AWSError.self) { try await client.write(Self.write) }
            guard case .service(let error)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error.code == code && error.message == "m" && error.body == nil)
            #expect(client.client.recentExceptions.count(now: .now()) == 1)
        }
        #expect(requests.count == 1)
    }

    @Test func `a missing table and one that is there already are answers`() async throws {
        _ = try await run { request in
            let code = request.operation == "CreateTable" ? "ResourceInUseException" : "ResourceNotFoundException"
            return Self.failure(#"{"__type":"\#(code)"}"#)
        } _: { client in
            _ = try? await client.call(DescribeTable(table: table))
            _ = try? await client.call(
                CreateTable(table: table, hashKey: "h", rangeKey: "r", capacity: .onDemand))
            #expect(client.client.recentExceptions.count(now: .now()) == 0)
        }
    }
}
