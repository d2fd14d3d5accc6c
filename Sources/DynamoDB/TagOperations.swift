import AWS
import JSON

/// A tag of a table.
package struct Tag: Hashable, Sendable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// ListTagsOfResource: a page of a table's tags.
package struct ListTagsOfResource: DynamoDBOperation {
    package static let name = "ListTagsOfResource"
    package let arn: String
    /// Of the page before; nil: the first page.
    package let token: String?

    package init(arn: String, token: String?) {
        self.arn = arn
        self.token = token
    }

    /// `nextToken` is nil on the last page.
    package struct Page: Equatable, Sendable {
        package let tags: [Tag]
        package let nextToken: String?
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("ResourceArn", arn)
        json.optional("NextToken", token)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> Page {
        var tags: [Tag] = []
        for (index, tag) in (json["Tags"]?.array ?? []).enumerated() {
            guard let key = tag["Key"]?.string, let value = tag["Value"]?.string else {
                throw .badField("Tags[\(index)]")
            }
            tags.append(Tag(key: key, value: value))
        }
        return Page(tags: tags, nextToken: json["NextToken"]?.string)
    }
}

/// TagResource: sets tags beside those that there are; ListTagsOfResource shows them seconds later. The body of the response
/// is empty.
package struct TagResource: DynamoDBOperation {
    package static let name = "TagResource"
    package let arn: String
    /// 1…50: the service refuses others.
    package let tags: [Tag]

    package init(arn: String, tags: [Tag]) {
        self.arn = arn
        self.tags = tags
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("ResourceArn", arn)
        json.key("Tags")
        json.beginArray()
        for tag in tags {
            json.beginObject()
            json.member("Key", tag.key)
            json.member("Value", tag.value)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) {}
}
