import Bytes

/// The tags of a stream, which is named by its name or ARN, and by the newer operations as a resource.
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
            throw .invalidArgument("A stream takes at most \(tagLimit) tags.")
        }
        return tags
    }

    // MARK: Of a stream

    func addTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await add(fields, to: stream(fields))
    }

    func removeTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await remove(fields, from: stream(fields))
    }

    func listTags(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let limit = try fields.optionalInt("Limit", 1...Self.tagLimit) ?? Self.tagLimit
        let after = try fields.optionalString("ExclusiveStartTagKey")
        let keys = stream.tags.keys.sorted().filter { key in after.map { key > $0 } ?? true }
        var answer = fields.answer()
        answer.beginObject()
        write(keys.prefix(limit), of: stream, &answer)
        answer.member("HasMoreTags", keys.count > limit)
        answer.endObject()
        return answer.buffer
    }

    // MARK: Of a resource

    func tagResource(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await add(fields, to: resource(fields))
    }

    func untagResource(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await remove(fields, from: resource(fields))
    }

    /// All of them, without pages.
    func listTagsForResource(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try resource(fields)
        var answer = fields.answer()
        answer.beginObject()
        write(stream.tags.keys.sorted()[...], of: stream, &answer)
        answer.endObject()
        return answer.buffer
    }

    /// The stream whose ARN the request names. Consumers, the other resource with tags, are not here.
    func resource(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        let arn = try fields.string("ResourceARN")
        guard let name = StreamARN(arn)?.stream else {
            throw RequestFields.constraint(
                "ResourceARN", arn,
                "Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/[a-zA-Z0-9_.-]+")
        }
        return try stream(named: name)
    }

    // MARK: Both

    private func add(_ fields: RequestFields, to stream: LocalStream) async throws(ServiceFault) -> ByteBuffer? {
        guard let tags = try fields.optionalMap("Tags") else { throw RequestFields.missing("Tags") }
        guard !tags.isEmpty else { throw RequestFields.tooShort("Tags", "{}") }
        var changed = stream
        changed.tags = try Self.checkedTags(stream.tags.merging(Self.checkedTags(tags)) { $1 })
        try await store(changed)
        return nil
    }

    private func remove(_ fields: RequestFields, from stream: LocalStream) async throws(ServiceFault) -> ByteBuffer? {
        let keys = try fields.strings("TagKeys")
        guard !keys.isEmpty else { throw RequestFields.tooShort("TagKeys", "[]") }
        var changed = stream
        for key in keys { changed.tags[key] = nil }
        try await store(changed)
        return nil
    }

    private func write(_ keys: ArraySlice<String>, of stream: LocalStream, _ answer: inout AnswerWriter) {
        answer.key("Tags")
        answer.beginArray()
        for key in keys {
            answer.beginObject()
            answer.member("Key", key)
            answer.member("Value", stream.tags[key] ?? "")
            answer.endObject()
        }
        answer.endArray()
    }
}
