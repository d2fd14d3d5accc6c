import JSON
import Recordings
import Testing

@testable import DynamoDB

@Suite struct RecordedItemTests {
    @Test(arguments: LifionRecording.names) func `every item is read, and written as it was`(name: String) throws {
        let items = try LifionRecording(name).items
        #expect(!items.isEmpty)
        for json in items {
            var writer = JSONWriter()
            writer.item(try AttributeValue.item(json, path: "Item"))
            #expect(try JSONParser.parse(writer.buffer).sorted == json.sorted)
        }
    }

    @Test(arguments: LifionRecording.names) func `every update can be said again`(name: String) throws {
        for update in try LifionRecording(name).updates() {
            #expect(ItemExpressions(update).fits)
            var writer = JSONWriter()
            UpdateItem(table: TableName("lifion-kinesis-state")!, key: [:], update: update).write(&writer)
            #expect(try RecordedUpdate(JSONParser.parse(writer.buffer)).update == update)
        }
    }
}

extension JSONValue {
    /// With the members of each object in the order of their keys.
    fileprivate var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(
                members.sorted { $0.key < $1.key }.map { JSONMember(key: $0.key, value: $0.value.sorted) })
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }
}
