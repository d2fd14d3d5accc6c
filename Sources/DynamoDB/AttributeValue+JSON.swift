import AWS
import JSON

/// How an attribute stands in the service's JSON: an object whose one member names the type.
extension AttributeValue {
    /// - Parameter path: names the attribute in an error.
    package init(_ json: JSONValue, path: String) throws(ResponseError) {
        guard let members = json.object, members.count == 1, let member = members.first else { throw .badField(path) }
        let path = path + "." + member.key
        let value: AttributeValue? =
            switch member.key {
            case "S": member.value.string.map(AttributeValue.string)
            case "N": member.value.string.map(AttributeValue.number)
            case "BOOL": member.value.bool.map(AttributeValue.bool)
            case "NULL": member.value.bool == true ? .null : Optional.none
            case "B": member.value.string.map(AttributeValue.binary)
            case "SS": Self.strings(member.value).map(AttributeValue.stringSet)
            case "NS": Self.strings(member.value).map(AttributeValue.numberSet)
            case "BS": Self.strings(member.value).map(AttributeValue.binarySet)
            case "M": .map(try Self.item(member.value, path: path))
            case "L": .list(try Self.elements(member.value, path: path))
            default: Optional.none
            }
        guard let value else { throw .badField(path) }
        self = value
    }

    /// Attributes by their names.
    /// - Parameter path: names them in an error.
    package static func item(_ json: JSONValue, path: String) throws(ResponseError) -> Item {
        guard let members = json.object else { throw .badField(path) }
        var item: Item = [:]
        for member in members {
            item[member.key] = try AttributeValue(member.value, path: path + "." + member.key)
        }
        return item
    }

    private static func elements(_ json: JSONValue, path: String) throws(ResponseError) -> [AttributeValue] {
        guard let elements = json.array else { throw .badField(path) }
        var values: [AttributeValue] = []
        for (index, element) in elements.enumerated() {
            values.append(try AttributeValue(element, path: "\(path)[\(index)]"))
        }
        return values
    }

    private static func strings(_ json: JSONValue) -> [String]? {
        guard let elements = json.array else { return nil }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count ? texts : nil
    }
}

extension JSONWriter {
    package mutating func attribute(_ value: AttributeValue) {
        beginObject()
        switch value {
        case .string(let text): member("S", text)
        case .number(let text): member("N", text)
        case .bool(let value): member("BOOL", value)
        case .null: member("NULL", true)
        case .binary(let base64): member("B", base64)
        case .stringSet(let texts): strings("SS", texts)
        case .numberSet(let texts): strings("NS", texts)
        case .binarySet(let texts): strings("BS", texts)
        case .map(let members):
            key("M")
            item(members)
        case .list(let elements):
            key("L")
            beginArray()
            for element in elements { attribute(element) }
            endArray()
        }
        endObject()
    }

    /// Attributes by their names, in the order of the names.
    package mutating func item(_ item: Item) {
        beginObject()
        for (name, value) in item.sorted(by: { $0.key < $1.key }) {
            key(name)
            attribute(value)
        }
        endObject()
    }

    private mutating func strings(_ name: StaticString, _ texts: [String]) {
        key(name)
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}
