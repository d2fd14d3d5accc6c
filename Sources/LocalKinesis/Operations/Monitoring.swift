import Bytes

/// EnableEnhancedMonitoring, DisableEnhancedMonitoring.
extension KinesisService {
    func enableMonitoring(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await changeMetrics(fields) { $0.union($1) }
    }

    func disableMonitoring(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        try await changeMetrics(fields) { $0.subtracting($1) }
    }

    private func changeMetrics(
        _ fields: RequestFields, _ change: (_ current: Set<ShardMetric>, _ named: Set<ShardMetric>) -> Set<ShardMetric>
    ) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try idleStream(fields)
        let named = try Self.metrics(fields)
        let current = stream.shardMetrics
        stream.shardMetrics = change(current, named)
        try await pass(stream, through: .updating)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("StreamName", stream.name)
        answer.member("StreamARN", stream.arn(region: configuration.region, account: configuration.account))
        write("CurrentShardLevelMetrics", current, &answer)
        write("DesiredShardLevelMetrics", stream.shardMetrics, &answer)
        answer.endObject()
        return answer.buffer
    }

    private static func metrics(_ fields: RequestFields) throws(ServiceFault) -> Set<ShardMetric> {
        let name = "ShardLevelMetrics"
        let texts = try fields.strings(name)
        guard !texts.isEmpty else { throw RequestFields.tooShort(name, "[]") }
        var metrics: Set<ShardMetric> = []
        for text in texts {
            if text == ShardMetric.all {
                metrics = Set(ShardMetric.allCases)
            } else if let metric = ShardMetric(rawValue: text) {
                metrics.insert(metric)
            } else {
                let all = (ShardMetric.allCases.map(\.rawValue) + [ShardMetric.all]).joined(separator: ", ")
                throw RequestFields.constraint(
                    name, "[\(text)]", "Member must satisfy constraint: [Member must satisfy enum value set: [\(all)]]")
            }
        }
        return metrics
    }

    func write(_ name: StaticString, _ metrics: Set<ShardMetric>, _ answer: inout AnswerWriter) {
        answer.key(name)
        answer.beginArray()
        for metric in ShardMetric.allCases where metrics.contains(metric) { answer.string(metric.rawValue) }
        answer.endArray()
    }
}
