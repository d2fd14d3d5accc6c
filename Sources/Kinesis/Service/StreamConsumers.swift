import AWS
import JSON
import Time

/// The ARN of a consumer that is registered for a stream: who subscribes to its shards.
package struct ConsumerARN: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { text }

    package static func < (left: ConsumerARN, right: ConsumerARN) -> Bool { left.text < right.text }
}

/// A consumer as the service shows it.
package struct RegisteredConsumer: Equatable, Sendable {
    /// The service may grow others, which are kept as they are.
    package struct Status: RawRepresentable, Hashable, Sendable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package static let creating = Status(rawValue: "CREATING")
        package static let active = Status(rawValue: "ACTIVE")
        package static let deleting = Status(rawValue: "DELETING")
    }

    package let name: String
    package let arn: ConsumerARN
    package let status: Status

    package init(name: String, arn: ConsumerARN, status: Status) {
        self.name = name
        self.arn = arn
        self.status = status
    }

    init(_ fields: ResponseFields) throws(ResponseError) {
        name = try fields.string("ConsumerName")
        arn = ConsumerARN(try fields.string("ConsumerARN"))
        status = Status(rawValue: try fields.string("ConsumerStatus"))
    }
}

/// RegisterStreamConsumer: 5 calls a second, and 5 consumers of a stream that are CREATING. ResourceInUseException: the name
/// is taken. LimitExceededException: the stream has 20 consumers, or 5 that are CREATING.
package struct RegisterStreamConsumer: KinesisOperation {
    package static let name = "RegisterStreamConsumer"
    /// Somebody else was faster.
    package static let expectedCodes = ["ResourceInUseException"]
    let streamARN: String
    let consumer: String

    package init(streamARN: String, consumer: String) {
        self.streamARN = streamARN
        self.consumer = consumer
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamARN", streamARN)
        json.member("ConsumerName", consumer)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> RegisteredConsumer {
        try RegisteredConsumer(ResponseFields(json).fields("Consumer"))
    }
}

/// DescribeStreamConsumer: 20 calls a second.
package struct DescribeStreamConsumer: KinesisOperation {
    package enum Subject: Equatable, Sendable {
        case arn(ConsumerARN)
        case name(String, streamARN: String)
    }

    package static let name = "DescribeStreamConsumer"
    /// Whoever asks registers the consumer, or takes another one.
    package static let expectedCodes = ["ResourceNotFoundException"]
    let subject: Subject

    package init(_ subject: Subject) {
        self.subject = subject
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        switch subject {
        case .arn(let arn): json.member("ConsumerARN", arn.text)
        case .name(let name, let streamARN):
            json.member("StreamARN", streamARN)
            json.member("ConsumerName", name)
        }
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> RegisteredConsumer {
        try RegisteredConsumer(ResponseFields(json).fields("ConsumerDescription"))
    }
}

/// ListStreamConsumers, one page: 5 calls a second.
package struct ListStreamConsumers: KinesisOperation {
    package static let name = "ListStreamConsumers"
    /// Consumers of one page; the service allows 100.
    static let pageSize = 100
    /// Pages of one listing: a stream has 50 consumers at most, which are one. A service that has always another token gives
    /// no more than these.
    package static let mostPages = 10
    let streamARN: String
    let nextToken: String?

    package init(streamARN: String, nextToken: String? = nil) {
        self.streamARN = streamARN
        self.nextToken = nextToken
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamARN", streamARN)
        if let nextToken { json.member("NextToken", nextToken) }
        json.member("MaxResults", Self.pageSize)
        json.endObject()
    }

    package struct Response: Equatable, Sendable {
        package let consumers: [RegisteredConsumer]
        package let nextToken: String?
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> Response {
        let fields = ResponseFields(json)
        var consumers: [RegisteredConsumer] = []
        for consumer in try fields.list("Consumers") { consumers.append(try RegisteredConsumer(consumer)) }
        return Response(consumers: consumers, nextToken: try fields.optionalString("NextToken"))
    }
}

/// DeregisterStreamConsumer: 5 calls a second. Its subscriptions end.
package struct DeregisterStreamConsumer: KinesisOperation {
    package static let name = "DeregisterStreamConsumer"
    /// Somebody else was faster.
    package static let expectedCodes = ["ResourceNotFoundException"]
    let arn: ConsumerARN

    package init(_ arn: ConsumerARN) {
        self.arn = arn
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("ConsumerARN", arn.text)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) {}
}
