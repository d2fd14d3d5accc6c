import Bytes
import Time

/// RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers, DeregisterStreamConsumer.
extension KinesisService {
    func registerStreamConsumer(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try streamOfARN(fields)
        let name = try fields.string("ConsumerName")
        guard StreamConsumer.isName(name) else {
            throw RequestFields.constraint(
                "ConsumerName", name, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{1,128}")
        }
        guard stream.status != .creating, stream.status != .deleting else {
            throw .resourceInUse(
                "Stream \(stream.name) under account \(configuration.account) is in state \(stream.status.rawValue).")
        }
        guard stream.consumers[name] == nil else {
            throw .resourceInUse(
                "Consumer \(name) under stream \(stream.name) already exists for account \(configuration.account).")
        }
        guard stream.consumers.count < StreamConsumer.mostOfStream else {
            throw .limitExceeded(
                "Stream \(stream.name) under account \(configuration.account) has \(stream.consumers.count) consumers; "
                    + "it can have \(StreamConsumer.mostOfStream).")
        }
        guard stream.consumers.values.count(where: { $0.status == .creating }) < StreamConsumer.mostCreating else {
            throw .limitExceeded(
                "\(StreamConsumer.mostCreating) consumers of stream \(stream.name) are CREATING: no more can be at a time."
            )
        }
        let tags = try Self.checkedTags(fields.optionalMap("Tags") ?? [:])
        let consumer = stream.addConsumer(name, tags: tags, now: .now())
        try await store(stream)
        _ = loop.schedule(after: configuration.stateDelay) { [self] in
            update(stream) { $0.update(consumer) { $0.status = .active } }
        }
        var answer = fields.answer()
        answer.beginObject()
        answer.key("Consumer")
        write(consumer, of: stream, &answer)
        answer.endObject()
        return answer.buffer
    }

    func describeStreamConsumer(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let (stream, consumer) = try consumer(fields)
        var answer = fields.answer()
        answer.beginObject()
        answer.key("ConsumerDescription")
        write(consumer, of: stream, isWhole: true, &answer)
        answer.endObject()
        return answer.buffer
    }

    func deregisterStreamConsumer(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        let found = try consumer(fields)
        var stream = found.stream
        guard found.consumer.status != .deleting else { return nil }
        stream.update(found.consumer) { $0.status = .deleting }
        try await store(stream)
        _ = loop.schedule(after: configuration.stateDelay) { [self] in
            update(stream) { $0.removeConsumer(found.consumer) }
        }
        return nil
    }

    func listStreamConsumers(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try streamOfARN(fields)
        if let time = try fields.optionalTime("StreamCreationTimestamp"),
            time.milliseconds / 1000 != stream.created.milliseconds / 1000
        {
            throw .streamNotFound(stream.name, configuration.account)
        }
        let size = try fields.optionalInt("MaxResults", 1...10_000) ?? 100
        let after = try fields.optionalString("NextToken").map { token throws(ServiceFault) in
            guard let name = Base64.decode(token).map({ String(decoding: $0, as: UTF8.self) }),
                StreamConsumer.isName(name)
            else { throw .invalidArgument("NextToken is invalid.") }
            return name
        }
        let names = stream.consumers.keys.sorted().filter { name in after.map { name > $0 } ?? true }
        let page = names.prefix(size)
        var answer = fields.answer()
        answer.beginObject()
        answer.key("Consumers")
        answer.beginArray()
        for consumer in page.compactMap({ stream.consumers[$0] }) { write(consumer, of: stream, &answer) }
        answer.endArray()
        if names.count > page.count, let last = page.last {
            answer.member("NextToken", Base64.encode(Array(last.utf8)))
        }
        answer.endObject()
        return answer.buffer
    }

    /// The consumer that a request names: by ConsumerARN, or by StreamARN and ConsumerName.
    private func consumer(_ fields: RequestFields) throws(ServiceFault) -> (
        stream: LocalStream, consumer: StreamConsumer
    ) {
        if let arn = try fields.optionalString("ConsumerARN") { return try consumer(arn) }
        guard fields.has("StreamARN"), fields.has("ConsumerName") else {
            throw .invalidArgument("Either ConsumerARN, or StreamARN and ConsumerName must be specified.")
        }
        let stream = try streamOfARN(fields)
        let name = try fields.string("ConsumerName")
        guard let consumer = stream.consumers[name] else { throw noConsumer(name, stream.name) }
        return (stream, consumer)
    }

    func consumer(_ arn: String) throws(ServiceFault) -> (stream: LocalStream, consumer: StreamConsumer) {
        guard let named = ConsumerARN(arn) else {
            throw RequestFields.constraint(
                "ConsumerARN", arn,
                "Member must satisfy regular expression pattern: "
                    + "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+")
        }
        guard let stream = find(named.stream), let consumer = stream.consumers[named.name],
            ConsumerARN(consumer, of: stream.name) == named
        else { throw noConsumer(named.name, named.stream) }
        return (stream, consumer)
    }

    private func noConsumer(_ name: String, _ stream: String) -> ServiceFault {
        .notFound("Consumer \(name) of stream \(stream) under account \(configuration.account) not found.")
    }

    /// The stream that a request names by StreamARN, as these operations do alone.
    private func streamOfARN(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        _ = try fields.string("StreamARN")
        return try stream(fields)
    }

    private func write(
        _ consumer: StreamConsumer, of stream: LocalStream, isWhole: Bool = false, _ answer: inout AnswerWriter
    ) {
        let streamARN = stream.arn(region: configuration.region, account: configuration.account)
        answer.beginObject()
        answer.member("ConsumerName", consumer.name)
        answer.member("ConsumerARN", consumer.arn(of: streamARN))
        answer.member("ConsumerStatus", consumer.status.rawValue)
        answer.member("ConsumerCreationTimestamp", consumer.created)
        if isWhole { answer.member("StreamARN", streamARN) }
        answer.endObject()
    }
}
