import JSON
import Testing

@testable import DynamoDB

@Suite struct ItemExpressionsTests {
    @Test func `an update sets, removes and requires behind placeholders`() throws {
        var update = ItemUpdate()
        update.set(["shards", "shardId-000000000000", "checkpoint"], "495")
        update.set(["shards", "shardId-000000000000", "version"], "v2")
        update.remove(["consumers", "old"])
        update.require(.equals(["shards", "shardId-000000000000", "leaseOwner"], "me"))
        update.require(.exists(["consumers", "me"]))
        update.require(.isAbsent(["consumers", "other"]))
        let expressions = ItemExpressions(update)
        #expect(expressions.update == "SET #0.#1.#2=:0,#0.#1.#3=:1 REMOVE #4.#5")
        #expect(
            expressions.condition == "#0.#1.#6 = :2 AND attribute_exists(#4.#7) AND attribute_not_exists(#4.#8)")
        #expect(expressions.operators == 5)
        var json = JSONWriter()
        UpdateItem(table: TableName("state")!, key: ["consumerGroup": "g"], update: update).write(&json)
        let request = try JSONParser.parse(json.buffer)
        #expect(request["ReturnValues"] == "ALL_NEW")
        #expect(request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD")
        #expect(request["ExpressionAttributeNames"]?["#1"] == "shardId-000000000000")
        #expect(request["ExpressionAttributeValues"] == [":0": ["S": "495"], ":1": ["S": "v2"], ":2": ["S": "me"]])
    }

    @Test func `a removal alone has no values, and an update without conditions no condition`() throws {
        var update = ItemUpdate()
        update.remove(["consumers", "old"])
        var json = JSONWriter()
        UpdateItem(table: TableName("state")!, key: [:], update: update).write(&json)
        let request = try JSONParser.parse(json.buffer)
        #expect(request["UpdateExpression"] == "REMOVE #0.#1")
        #expect(request["ConditionExpression"] == nil && request["ExpressionAttributeValues"] == nil)
        #expect(request["ReturnValuesOnConditionCheckFailure"] == nil)
    }

    @Test func `a name and a value that are said twice are sent once, and a condition that is repeated is one`() {
        var update = ItemUpdate()
        update.set(["a", "b"], "x")
        update.set(["b", "a"], "x")
        for _ in 0..<2 { update.require(.equals(["a", "c"], "x")) }
        let expressions = ItemExpressions(update)
        #expect(expressions.update == "SET #0.#1=:0,#1.#0=:0")
        #expect(expressions.condition == "#0.#2 = :0")
    }

    /// Source: reference/dynamodb-service.md, "How much fits".
    @Test func `checkpoints of 48 shards and a heartbeat fit into one update, of 51 they do not`() {
        func update(of shards: Int) -> ItemUpdate {
            var update = ItemUpdate()
            for number in 0..<shards {
                let shard: AttributePath = ["shards", "shardId-\(number)"]
                update.set(shard.member("checkpoint"), .string("\(number)"))
                update.set(shard.member("approximateArrivalTimestamp"), .string("time \(number)"))
                update.set(shard.member("version"), "token")
                update.require(.equals(shard.member("leaseOwner"), "me"))
            }
            update.set(["consumers", "me", "heartbeat"], "now")
            update.require(.exists(["consumers", "me"]))
            return update
        }
        #expect(ItemExpressions(update(of: 48)).fits)
        #expect(!ItemExpressions(update(of: 51)).fits)
    }

    @Test(arguments: [["a"], ["a", "b"], ["a", "b", "c"]])
    func `paths overlap where one is the other or stands within it`(names: [String]) {
        let path: AttributePath = ["a", "b"]
        #expect(path.overlaps(AttributePath(names)) && AttributePath(names).overlaps(path))
        #expect(!path.overlaps(["a", "c"]) && !path.overlaps(["b"]))
    }
}
