import JSON
import Testing

@testable import DynamoDB

/// Source: reference/dynamodb-service.md, "How much fits" and "Capacity".
@Suite struct ItemSizeTests {
    @Test(arguments: [
        ("0", 1), ("1", 2), ("12", 2), ("123", 3), ("-1", 3), ("5280", 3), ("1.5", 3), ("0.25", 2), ("100.010", 4),
    ])
    func `a number takes a byte for two digits of either side, and one more`(_ text: String, bytes: Int) {
        #expect(ItemSize.bytes(of: AttributeValue.number(text)) == bytes)
    }

    @Test func `text counts by its UTF-8, null and booleans as one byte, base64 as what it stands for`() {
        #expect(ItemSize.bytes(of: AttributeValue.string("Ålesund")) == 8)
        #expect(ItemSize.bytes(of: AttributeValue.null) == 1 && ItemSize.bytes(of: AttributeValue.bool(true)) == 1)
        #expect(ItemSize.bytes(of: AttributeValue.binary("AQI=")) == 2)
        #expect(ItemSize.bytes(of: AttributeValue.list(["a", "bc"])) == 8)
    }

    /// In an item a shard takes its name and one byte more.
    @Test func `a shard as lifion writes it takes 157 bytes when new, 264 with a checkpoint`() {
        let shard: [String: AttributeValue] = [
            "checkpoint": .null, "depleted": false, "leaseExpiration": "2026-11-26T08:55:44.403Z",
            "leaseOwner": "rh1LSnYzCggR7GrXz9qWGp", "parent": .null, "version": "mn28EmTSvHgw7HVGF9Lqtw",
        ]
        var checkpointed = shard
        checkpointed["checkpoint"] = .string(String(repeating: "4", count: 56))
        checkpointed["approximateArrivalTimestamp"] = "2026-11-26T08:50:44.604Z"
        let name = "shardId-000000000000".utf8.count + 1
        #expect(ItemSize.bytes(of: .map(shard)) + name == 157)
        #expect(ItemSize.bytes(of: .map(checkpointed)) + name == 264)
    }

    @Test func `a write costs a unit for each KB begun, a consistent read one for each 4 KB`() {
        #expect(ItemSize.writeUnits(bytes: 1) == 1 && ItemSize.writeUnits(bytes: 1024) == 1)
        #expect(ItemSize.writeUnits(bytes: 1025) == 2)
        #expect(ItemSize.readUnits(bytes: 4096) == 1 && ItemSize.readUnits(bytes: 4097) == 2)
    }
}
