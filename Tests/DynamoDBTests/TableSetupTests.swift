import AWS
import DynamoDB
import HTTP
import Logging
import Reactor
import ScriptedService
import Synchronization
import Testing

private let wanted = CreateTable(
    table: TableName("state")!, hashKey: "consumerGroup", rangeKey: "streamName",
    capacity: .provisioned(read: 2, write: 3))

/// A table's description as the service writes it, the range key first.
private func described(_ status: String, member: String) -> ScriptedService.Answer {
    .init(
        body: """
            {"\(member)":{"TableArn":"arn","TableStatus":"\(status)",\
            "KeySchema":[{"AttributeName":"streamName","KeyType":"RANGE"},\
            {"AttributeName":"consumerGroup","KeyType":"HASH"}],\
            "AttributeDefinitions":[{"AttributeName":"consumerGroup","AttributeType":"S"},\
            {"AttributeName":"streamName","AttributeType":"S"},{"AttributeName":"other","AttributeType":"N"}]}}
            """)
}

private func failed(_ code: String) -> ScriptedService.Answer {
    .init(status: .badRequest, body: #"{"__type":"\#(code)"}"#)
}

@Suite(.timeLimit(.minutes(4))) struct TableSetupTests {
    /// Runs `body` with a set-up that was started; returns the operations that came.
    private func run(
        tags: [DynamoDB.Tag] = [], _ script: @escaping ScriptedService.Script,
        _ body: @escaping @Sendable (TableSetup) async throws -> Void
    ) async throws -> [String] {
        try await ScriptedService.run(DynamoDBClient.serviceProtocol, script) { client in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let setup = TableSetup(wanted, tags: tags, DynamoDBClient(client), logger: logger, random: { 0 })
            setup.start()
            defer { setup.stop() }
            try await body(setup)
        }
    }

    private static func name(_ request: String) -> Substring { request.prefix { $0 != " " } }

    @Test func `a missing table is made and waited for`() async throws {
        let requests = try await run { request in
            switch (request.operation, request.earlier) {
            case ("DescribeTable", 0): failed("ResourceNotFoundException")
            case ("CreateTable", _): described("CREATING", member: "TableDescription")
            case ("DescribeTable", 2): described("CREATING", member: "Table")
            default: described("ACTIVE", member: "Table")
            }
        } _: { setup in
            try await setup.ready()
            #expect(setup.state == .ready(untagged: nil))
        }
        #expect(
            requests.map(Self.name) == ["DescribeTable", "CreateTable", "DescribeTable", "DescribeTable"])
        #expect(
            requests[1] == """
                CreateTable {"TableName":"state",\
                "AttributeDefinitions":[{"AttributeName":"consumerGroup","AttributeType":"S"},\
                {"AttributeName":"streamName","AttributeType":"S"}],\
                "KeySchema":[{"AttributeName":"consumerGroup","KeyType":"HASH"},\
                {"AttributeName":"streamName","KeyType":"RANGE"}],"BillingMode":"PROVISIONED",\
                "ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":3},\
                "SSESpecification":{"Enabled":true}}
                """)
    }

    @Test func `a table that is there is tagged`() async throws {
        let isTagged = Mutex(false)
        let requests = try await run(tags: [DynamoDB.Tag(key: "team", value: "orders")]) { request in
            switch request.operation {
            case "DescribeTable": return described("ACTIVE", member: "Table")
            case "ListTagsOfResource": return .init(body: #"{"Tags":[{"Key":"a","Value":"b"}]}"#)
            default:
                isTagged.withLock { $0 = true }
                return .init(body: "")
            }
        } _: { setup in
            try await setup.ready()
            while !isTagged.withLock({ $0 }) { await setup.client.client.loop.nextTurn() }
        }
        #expect(requests.map(Self.name) == ["DescribeTable", "ListTagsOfResource", "TagResource"])
        #expect(requests.last == #"TagResource {"ResourceArn":"arn","Tags":[{"Key":"team","Value":"orders"}]}"#)
    }

    @Test func `a problem is told, and who waits is let through once it has ended`() async throws {
        _ = try await run { request in
            // Passing, so that it is tried again at once.
            request.earlier < 2 ? failed("ThrottlingException") : described("ACTIVE", member: "Table")
        } _: { setup in
            #expect(!setup.state.isReady)
            try await setup.ready()
        }
    }

    @Test func `a table that is missed is set up anew`() async throws {
        let requests = try await run { request in
            switch (request.operation, request.earlier) {
            case ("DescribeTable", 1): failed("ResourceNotFoundException")
            case ("CreateTable", _): described("ACTIVE", member: "TableDescription")
            default: described("ACTIVE", member: "Table")
            }
        } _: { setup in
            try await setup.ready()
            setup.missed()
            #expect(!setup.state.isReady)
            // Says nothing new.
            setup.missed()
            try await setup.ready()
        }
        #expect(
            requests.map(Self.name) == ["DescribeTable", "DescribeTable", "CreateTable", "DescribeTable"])
    }
}
