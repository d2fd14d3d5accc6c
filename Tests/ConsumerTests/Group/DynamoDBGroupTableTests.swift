import AWS
import Consumer
import DynamoDB
import Kinesis
import ScriptedService
import State
import Testing

@Suite(.timeLimit(.minutes(4))) struct DynamoDBGroupTableTests {
    private static let key = ConsumerKey(stream: StreamName("orders")!, group: "billing")
    private static let keyJSON = #"{"consumerGroup":{"S":"billing"},"streamName":{"S":"orders"}}"#

    private func run(
        _ script: @escaping ScriptedService.Script,
        _ body: @escaping @Sendable (DynamoDBGroupTable) async throws -> Void
    ) async throws -> [String] {
        try await ScriptedService.run(DynamoDBClient.serviceProtocol, script) { client in
            try await body(DynamoDBGroupTable(TableName("state")!, DynamoDBClient(client)))
        }
    }

    private static func failed(_ more: String = "") -> ScriptedService.Answer {
        .init(status: .badRequest, body: #"{"__type":"ConditionalCheckFailedException"\#(more)}"#)
    }

    private static let update: ItemUpdate = {
        var update = ItemUpdate()
        update.set(["version"], "v2")
        update.require(.equals(["version"], "v1"))
        return update
    }()

    @Test func `an item is read by group and stream, and what that costs is counted`() async throws {
        let requests = try await run { request in
            let item = request.earlier == 0 ? #""Item":{"version":{"S":"v1"}},"# : ""
            return .init(body: #"{\#(item)"ConsumedCapacity":{"TableName":"state","CapacityUnits":0.5}}"#)
        } _: { table in
            let items = [
                try await table.read(Self.key, isConsistent: false),
                try await table.read(Self.key, isConsistent: false),
            ]
            #expect(items == [["version": "v1"], nil])
            #expect(table.use.reads == 2 && table.use.readUnits == 1 && table.use.writes == 0)
        }
        #expect(requests[0].hasPrefix("GetItem {\"TableName\":\"state\""))
        #expect(requests[0].contains("\"Key\":" + Self.keyJSON))
    }

    @Test func `an item is made only where there is none`() async throws {
        let requests = try await run { request in
            request.earlier == 0 ? .init(body: #"{"ConsumedCapacity":{"CapacityUnits":1}}"#) : Self.failed()
        } _: { table in
            let made = [try await table.create(Self.key, ["version": "v1"]), try await table.create(Self.key, [:])]
            #expect(made == [true, false])
            #expect(table.use.writes == 2 && table.use.failedConditions == 1)
            #expect(table.use.writtenUnits == 2, "a condition that is false costs the write all the same")
        }
        #expect(
            requests[0].contains("attribute_not_exists") && requests[0].contains(#""consumerGroup":{"S":"billing"}"#))
    }

    @Test func `a write gives the item as it is, whether it took place or not`() async throws {
        let large = String(repeating: "x", count: 2000)
        let requests = try await run { request in
            request.earlier == 0
                ? .init(body: #"{"Attributes":{"version":{"S":"v2"}},"ConsumedCapacity":{"CapacityUnits":3}}"#)
                : Self.failed(#","Item":{"version":{"S":"\#(large)"}}"#)
        } _: { table in
            let first = try await table.write(Self.key, Self.update)
            #expect(first == .done(["version": "v2"]))
            let second = try await table.write(Self.key, Self.update)
            #expect(second == .conditionFailed(["version": .string(large)]))
            #expect(table.use.writes == 2 && table.use.failedConditions == 1)
            #expect(table.use.writtenUnits == 5, "2,007 bytes are two units")
        }
        #expect(requests.count == 2 && requests[0].contains(#""ReturnValues":"ALL_NEW""#))
    }

    @Test func `a write is asked once, whatever becomes of it, and counted`() async throws {
        let requests = try await run { request in
            request.earlier == 0 ? .init(status: .internalServerError, body: "") : .init(body: "{}")
        } _: { table in
            for _ in 0..<2 {
                await #expect(throws: AWSError.self) { try await table.write(Self.key, Self.update) }
            }
            #expect(table.use.writes == 2 && table.use.writtenUnits == 0)
        }
        #expect(requests.count == 2)
    }

    @Test(arguments: [
        #"{"__type":"ns#ResourceNotFoundException"}"#,
        #"{"__type":"ValidationException","message":"The provided key element does not match the schema"}"#,
    ]) func `a table that is gone, or has become another one, is noticed by whoever asks for an item`(body: String)
        async throws
    {
        let gone = ScriptedService.Answer(status: .badRequest, body: body)
        _ = try await run {
            $0.operation == "PutItem" ? .init(status: .badRequest, body: "{}") : gone
        } _: { table in
            var noticed = 0
            table.onMissing = { noticed += 1 }
            _ = try? await table.create(Self.key, [:])
            #expect(noticed == 0)
            _ = try? await table.read(Self.key, isConsistent: true)
            _ = try? await table.write(Self.key, Self.update)
            #expect(noticed == 2)
        }
    }

    @Test func `an item is deleted where the conditions are true`() async throws {
        let requests = try await run { request in
            request.earlier == 0 ? .init(body: "{}") : Self.failed()
        } _: { table in
            let condition = ItemCondition.equals(["streamCreatedOn"], "then")
            let deleted = [
                try await table.delete(Self.key, if: [condition]), try await table.delete(Self.key, if: [condition]),
            ]
            #expect(deleted == [true, false])
        }
        #expect(requests[0].hasPrefix("DeleteItem") && requests[0].contains("\"Key\":" + Self.keyJSON))
    }
}
