import Kinesis

/// How a consumer that is to have enhanced fan-out is read at one moment.
package enum FanOutSnapshot: Equatable, Sendable {
    /// Its shards are subscribed to, as this registered consumer.
    case subscribed(ConsumerARN)
    /// Nothing is read: there is no registered consumer for it. `problem`: why, nil where other members of the group have
    /// them all, or nothing was asked yet.
    case waiting(problem: String?)
    /// GetRecords, because no registered consumer can be had (`enhancedFanOutFallback`).
    case polling(problem: String)
}

extension Consumer {
    /// nil: it is not to have enhanced fan-out.
    var fanOut: FanOutSnapshot? {
        guard options.useEnhancedFanOut else { return nil }
        if let pool = group?.membership?.pool, pool.way == nil { return .waiting(problem: pool.problem) }
        return switch scope.fanOut.state.reading {
        case .subscribed(let consumer, _): .subscribed(consumer)
        case .missing(_, let problem, _): .waiting(problem: problem)
        case .fallback(let problem, _, _): .polling(problem: problem)
        case .polled: .waiting(problem: nil)
        }
    }
}
