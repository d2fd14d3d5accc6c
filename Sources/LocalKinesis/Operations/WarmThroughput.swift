import Bytes
import SQLite
import Time

/// DescribeAccountSettings, UpdateAccountSettings, UpdateStreamWarmThroughput. A warm throughput is shown and changes nothing.
extension KinesisService {
    /// MiB a second. Source: UpdateStreamWarmThroughput in the service's API reference.
    private static let mostThroughput = 10 * 1024

    private enum WantedStatus: String, CaseIterable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
    }

    func describeAccountSettings(_ fields: RequestFields) -> ByteBuffer? {
        write(accountSettings, fields)
    }

    func updateAccountSettings(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        guard let commitment = try fields.optionalFields("MinimumThroughputBillingCommitment") else {
            throw RequestFields.missing("MinimumThroughputBillingCommitment")
        }
        var settings = accountSettings
        switch try commitment.choice("Status", WantedStatus.self) {
        case .enabled: settings.enable(now: .now())
        case .disabled: settings.disable(now: .now())
        }
        accountSettings = settings
        do throws(SQLiteError) {
            try await store.save(settings)
        } catch {
            throw failed("store the account's settings", error)
        }
        return write(settings, fields)
    }

    private func write(_ settings: AccountSettings, _ fields: RequestFields) -> ByteBuffer {
        let status = settings.status(now: .now())
        var answer = fields.answer()
        answer.beginObject()
        answer.key("MinimumThroughputBillingCommitment")
        answer.beginObject()
        answer.member("Status", status.rawValue)
        if let started = settings.started { answer.member("StartedAt", started) }
        if status == .disabled, let ended = settings.ended { answer.member("EndedAt", ended) }
        if status != .disabled, let end = settings.earliestEnd { answer.member("EarliestAllowedEndAt", end) }
        answer.endObject()
        answer.endObject()
        return answer.buffer
    }

    // MARK: Of a stream

    func updateWarmThroughput(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        guard let wanted = try warmThroughput(fields, mode: stream.mode) else {
            throw RequestFields.missing("WarmThroughputMiBps")
        }
        let current = stream.shownWarmThroughput
        stream.warmThroughput = wanted
        try await pass(stream, through: .updating)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("StreamName", stream.name)
        answer.member("StreamARN", stream.arn(region: configuration.region, account: configuration.account))
        write(target: wanted, current: current, &answer)
        answer.endObject()
        return answer.buffer
    }

    /// What a request wants for a stream of that mode; nil where it says nothing.
    func warmThroughput(_ fields: RequestFields, mode: LocalStream.Mode) throws(ServiceFault) -> Int? {
        guard let wanted = try fields.optionalInt("WarmThroughputMiBps", 0...Int(Int32.max)) else { return nil }
        guard mode == .onDemand else {
            throw .validation("Warm throughput is only supported for streams in ON_DEMAND mode.")
        }
        guard hasCommitment else {
            throw .validation(
                "Warm throughput is only supported for accounts that have MinimumThroughputBillingCommitment enabled; "
                    + "UpdateAccountSettings enables it.")
        }
        guard wanted <= Self.mostThroughput else {
            throw .limitExceeded("WarmThroughputMiBps \(wanted) is more than \(Self.mostThroughput).")
        }
        return wanted
    }

    /// Writes what the service shows of streams that may have a warm throughput; of others nothing.
    func writeWarmThroughput(of stream: LocalStream, _ answer: inout AnswerWriter) {
        guard stream.mode == .onDemand, hasCommitment else { return }
        write(target: stream.shownWarmThroughput, current: stream.shownWarmThroughput, &answer)
    }

    private var hasCommitment: Bool { accountSettings.status(now: .now()) != .disabled }

    private func write(target: Int, current: Int, _ answer: inout AnswerWriter) {
        answer.key("WarmThroughput")
        answer.beginObject()
        answer.member("TargetMiBps", target)
        answer.member("CurrentMiBps", current)
        answer.endObject()
    }
}
