import Bytes
import JSON

/// Retention, tags, encryption, mode and record size of a stream.
extension KinesisService {
    func increaseRetention(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await setRetention(fields, "shorter", "Decrease") { $0 >= $1 }
    }

    func decreaseRetention(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await setRetention(fields, "longer", "Increase") { $0 <= $1 }
    }

    private func setRetention(
        _ fields: RequestFields, _ wrong: String, _ other: String, _ isAllowed: (_ new: Int, _ old: Int) -> Bool
    ) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        let hours = try fields.int("RetentionPeriodHours", 1...Int(Int32.max))
        let range = LocalStream.retentionRange
        guard hours >= range.lowerBound else {
            throw .invalidArgument(
                "Minimum allowed retention period is \(range.lowerBound) hours. Requested retention period (\(hours) "
                    + "hours) is too short.")
        }
        guard hours <= range.upperBound else {
            throw .invalidArgument(
                "Maximum allowed retention period is \(range.upperBound) hours. Requested retention period (\(hours) "
                    + "hours) is too long.")
        }
        guard isAllowed(hours, stream.retentionHours) else {
            throw .invalidArgument(
                "Requested retention period (\(hours) hours) for stream \(stream.name) can not be \(wrong) than "
                    + "existing retention period (\(stream.retentionHours) hours). Use \(other)RetentionPeriod API.")
        }
        stream.retentionHours = hours
        try await pass(stream, through: .updating)
        return nil
    }

    // MARK: Tags

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

    func addTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try stream(fields)
        guard let tags = try fields.optionalMap("Tags"), !tags.isEmpty else { throw RequestFields.missing("Tags") }
        stream.tags = try Self.checkedTags(stream.tags.merging(Self.checkedTags(tags)) { $1 })
        try await store(stream)
        return nil
    }

    func removeTags(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try stream(fields)
        for key in try fields.strings("TagKeys") { stream.tags[key] = nil }
        try await store(stream)
        return nil
    }

    func listTags(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let limit = try fields.optionalInt("Limit", 1...50) ?? 50
        let after = try fields.optionalString("ExclusiveStartTagKey")
        let keys = stream.tags.keys.sorted().filter { key in after.map { key > $0 } ?? true }
        var json = JSONWriter()
        json.beginObject()
        json.key("Tags")
        json.beginArray()
        for key in keys.prefix(limit) {
            json.beginObject()
            json.member("Key", key)
            json.member("Value", stream.tags[key] ?? "")
            json.endObject()
        }
        json.endArray()
        json.member("HasMoreTags", keys.count > limit)
        json.endObject()
        return json.buffer
    }

    // MARK: Encryption, mode, record size

    private enum EncryptionType: String, CaseIterable { case kms = "KMS" }

    func startEncryption(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        _ = try fields.choice("EncryptionType", EncryptionType.self)
        stream.encryptionKey = try fields.string("KeyId")
        try await pass(stream, through: .updating)
        return nil
    }

    func stopEncryption(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        _ = try fields.choice("EncryptionType", EncryptionType.self)
        _ = try fields.string("KeyId")
        stream.encryptionKey = nil
        try await pass(stream, through: .updating)
        return nil
    }

    func updateMode(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        guard let details = try fields.optionalFields("StreamModeDetails") else {
            throw RequestFields.missing("StreamModeDetails")
        }
        stream.mode = try Self.mode(details)
        try await pass(stream, through: .updating)
        return nil
    }

    func updateMaxRecordSize(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        stream.maxRecordKiB = try fields.int("MaxRecordSizeInKiB", LocalStream.recordSizeRange)
        try await pass(stream, through: .updating)
        return nil
    }
}
