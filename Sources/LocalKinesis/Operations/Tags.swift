import Bytes
import Kinesis

/// The tags of a stream, which is named by its name or ARN, and by the newer operations those of a resource: a stream or a
/// consumer.
extension KinesisService {
    /// Source: AddTagsToStream in the service's API reference.
    private static let tagLimit = 50

    static func checkedTags(_ tags: [String: String]) throws(ServiceFault) -> [String: String] {
        for (key, value) in tags {
            guard (1...128).contains(key.count) else {
                throw RequestFields.constraint("Tags", key, "Map keys must have length between 1 and 128")
            }
            guard value.count <= 256 else {
                throw RequestFields.constraint("Tags", value, "Map values must have length between 0 and 256")
            }
            guard !key.hasPrefix("aws:") else { throw .invalidArgument("Tag keys must not begin with aws:") }
        }
        guard tags.count <= tagLimit else {
            throw .invalidArgument("A stream or consumer takes at most \(tagLimit) tags.")
        }
        return tags
    }

    // MARK: Of a stream

    func addTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await add(fields, to: Tagged(stream: stream(fields)))
    }

    func removeTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await remove(fields, from: Tagged(stream: stream(fields)))
    }

    func listTags(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let limit = try fields.optionalInt("Limit", 1...Self.tagLimit) ?? Self.tagLimit
        let after = try fields.optionalString("ExclusiveStartTagKey")
        let keys = stream.tags.keys.sorted().filter { key in after.map { key > $0 } ?? true }
        var answer = fields.answer()
        answer.beginObject()
        write(keys.prefix(limit), of: stream.tags, &answer)
        answer.member("HasMoreTags", keys.count > limit)
        answer.endObject()
        return answer.buffer
    }

    // MARK: Of a resource

    func tagResource(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await add(fields, to: tagged(fields))
    }

    func untagResource(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await remove(fields, from: tagged(fields))
    }

    /// All of them, without pages.
    func listTagsForResource(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let tags = try tagged(fields).tags
        var answer = fields.answer()
        answer.beginObject()
        write(tags.keys.sorted()[...], of: tags, &answer)
        answer.endObject()
        return answer.buffer
    }

    /// The stream or consumer whose ARN the request names.
    private func tagged(_ fields: RequestFields) throws(ServiceFault) -> Tagged {
        guard ConsumerARN(try fields.string("ResourceARN")) != nil else { return Tagged(stream: try resource(fields)) }
        let (stream, consumer) = try consumer(fields.string("ResourceARN"))
        return Tagged(stream: stream, consumer: consumer)
    }

    /// The stream whose ARN the request names.
    func resource(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        let arn = try fields.string("ResourceARN")
        guard let name = StreamARN(arn)?.name.text else {
            throw RequestFields.constraint(
                "ResourceARN", arn,
                "Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/[a-zA-Z0-9_.-]+")
        }
        return try stream(named: name)
    }

    // MARK: Both

    private func add(_ fields: RequestFields, to resource: Tagged) async throws(ServiceFault) -> ByteBuffer? {
        guard let tags = try fields.optionalMap("Tags") else { throw RequestFields.missing("Tags") }
        guard !tags.isEmpty else { throw RequestFields.tooShort("Tags", "{}") }
        try await store(resource.with(Self.checkedTags(resource.tags.merging(Self.checkedTags(tags)) { $1 })))
        return nil
    }

    private func remove(_ fields: RequestFields, from resource: Tagged) async throws(ServiceFault) -> ByteBuffer? {
        let keys = try fields.strings("TagKeys")
        guard !keys.isEmpty else { throw RequestFields.tooShort("TagKeys", "[]") }
        try await store(resource.with(resource.tags.filter { !keys.contains($0.key) }))
        return nil
    }

    private func write(_ keys: ArraySlice<String>, of tags: [String: String], _ answer: inout AnswerWriter) {
        answer.key("Tags")
        answer.beginArray()
        for key in keys {
            answer.beginObject()
            answer.member("Key", key)
            answer.member("Value", tags[key] ?? "")
            answer.endObject()
        }
        answer.endArray()
    }
}

/// What has tags. Performs no I/O.
private struct Tagged {
    let stream: LocalStream
    /// Nil: the stream itself.
    var consumer: StreamConsumer?

    var tags: [String: String] { consumer?.tags ?? stream.tags }

    /// The stream with its own or its consumer's tags changed.
    func with(_ tags: [String: String]) -> LocalStream {
        var changed = stream
        if let consumer { changed.update(consumer) { $0.tags = tags } } else { changed.tags = tags }
        return changed
    }
}
