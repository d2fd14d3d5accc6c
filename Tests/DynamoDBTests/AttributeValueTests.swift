import AWS
import JSON
import Testing

@testable import DynamoDB

@Suite struct AttributeValueTests {
    @Test func `every type of the service is read and written`() throws {
        let item: Item = [
            "s": "text", "n": .number("-1.5"), "b": .binary("AQI="), "bool": false, "null": .null,
            "m": ["inner": ["deep": 1]], "l": .list(["a", .null]), "ss": .stringSet(["a"]), "ns": .numberSet(["1"]),
            "bs": .binarySet(["AQI="]), "empty": [:], "none": .list([]),
        ]
        var json = JSONWriter()
        json.item(item)
        #expect(try AttributeValue.item(JSONParser.parse(json.buffer), path: "Item") == item)
    }

    @Test(arguments: [
        (#"{"a": {}}"#, "Item.a"), (#"{"a": {"S": 1}}"#, "Item.a.S"), (#"{"a": {"S": "x", "N": "1"}}"#, "Item.a"),
        (#"{"a": {"N": 1}}"#, "Item.a.N"), (#"{"a": {"NULL": false}}"#, "Item.a.NULL"),
        (#"{"a": {"X": 1}}"#, "Item.a.X"),
        (#"{"a": {"M": {"b": {"L": [{"S": "x"}, 1]}}}}"#, "Item.a.M.b.L[1]"),
        (#"{"a": {"SS": ["x", 1]}}"#, "Item.a.SS"),
        ("[]", "Item"),
    ])
    func `what is no attribute is refused by its path`(_ text: String, path: String) throws {
        let json = try JSONParser.parse(text)
        #expect(throws: ResponseError.badField(path)) { try AttributeValue.item(json, path: "Item") }
    }

    @Test(arguments: ["ab", "a/b", "", String(repeating: "a", count: 256)])
    func `a table's name that the service refuses is none`(text: String) {
        #expect(TableName(text) == nil)
        #expect(TableName("lifion-kinesis_state.2") != nil)
    }
}
