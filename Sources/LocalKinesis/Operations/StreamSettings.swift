import Bytes

/// Retention, encryption, mode and record size of a stream.
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
        guard stream.mode == .onDemand || stream.distribution == .userPartitionKey else {
            throw .invalidArgument("A stream whose record distribution strategy is AUTO stays in ON_DEMAND mode.")
        }
        if let wanted = try warmThroughput(fields, mode: stream.mode) { stream.warmThroughput = wanted }
        try await pass(stream, through: .updating)
        return nil
    }

    /// At once, as the service has it. Source: UpdateStreamRecordDistributionStrategy in the service's API reference.
    func updateDistribution(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        _ = try fields.string("StreamARN")
        var stream = try idleStream(fields)
        guard let wanted = try Self.distribution(fields, mode: stream.mode) else {
            throw RequestFields.missing("RecordDistributionStrategy")
        }
        stream.distribution = wanted
        try await store(stream)
        return nil
    }

    static func distribution(
        _ fields: RequestFields, mode: LocalStream.Mode
    ) throws(ServiceFault) -> LocalStream.Distribution? {
        guard fields.has("RecordDistributionStrategy") else { return nil }
        let wanted = try fields.choice("RecordDistributionStrategy", LocalStream.Distribution.self)
        guard wanted == .userPartitionKey || mode == .onDemand else {
            throw .invalidArgument("RecordDistributionStrategy AUTO is only supported for streams in ON_DEMAND mode.")
        }
        return wanted
    }

    func updateMaxRecordSize(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        stream.maxRecordKiB = try fields.int("MaxRecordSizeInKiB", LocalStream.recordSizeRange)
        try await pass(stream, through: .updating)
        return nil
    }
}
